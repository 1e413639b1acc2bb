package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
)

// beginner is a source that can read the beginning of a picture's file without the rest.
type beginner interface {
	// beginning reads the first n bytes of the file of sample i, or all if it has fewer.
	beginning(ctx context.Context, i, n int) (Picture, error)
}

// Beginning reads the picture of sample i, of which the first n bytes of the file are enough for the caller. whole is false if the picture
// may be such a part; a source that can't read parts returns the whole picture.
func Beginning(ctx context.Context, s Source, i, n int) (p Picture, whole bool, err error) {
	if w, ok := s.(wrapper); ok {
		return Beginning(ctx, w.Unwrap(), i, n)
	}
	b, ok := s.(beginner)
	if !ok {
		p, err = s.Picture(ctx, i)
		return p, true, err
	}
	p, err = b.beginning(ctx, i, n)
	return p, len(p.File) < n, err
}

// InSequence reports whether pictures are read in the order of their indices, because any other order takes far longer: as from a
// compressed archive.
func InSequence(s Source) bool {
	return anyPart(s, func(s Source) bool {
		if part, ok := s.(interface{ sequential() bool }); ok {
			return part.sequential()
		}
		_, ok := streamOf(s)
		return ok
	})
}

// waits reports whether reading a picture is mostly waiting, for a server.
func waits(s Source) bool {
	return !InSequence(s) && anyPart(s, func(s Source) bool {
		part, ok := s.(interface{ remote() bool })
		return ok && part.remote()
	})
}

// anyPart reports whether a source is such a one, or has such a part.
func anyPart(s Source, is func(Source) bool) bool {
	switch s := s.(type) {
	case *joined:
		return slices.ContainsFunc(s.parts, func(part Source) bool { return anyPart(part, is) })
	case *subset:
		return anyPart(s.source, is)
	case wrapper:
		return anyPart(s.Unwrap(), is)
	}
	return is(s)
}

func (s *shards) remote() bool {
	return slices.ContainsFunc(s.files, func(f shardFile) bool { return store.IsRemote(f.object.Name) })
}

func (s *parquetSet) remote() bool {
	return slices.ContainsFunc(s.files, func(f parquetFile) bool { return store.IsRemote(f.object.Name) })
}

func (t *pictureTable) remote() bool {
	return slices.ContainsFunc(t.rows, func(r tableEntry) bool { return store.IsRemote(r.path) })
}

func (u *uncounted) sequential() bool { return true }

// ReadsParts reports whether Beginning of a source costs less than Picture, in any order.
func ReadsParts(s Source) bool {
	return !InSequence(s) && !anyPart(s, func(s Source) bool {
		_, ok := s.(beginner)
		return !ok
	})
}

func (f *folder) beginning(ctx context.Context, i, n int) (Picture, error) {
	return f.files[i].readPart(ctx, n)
}

func (u *uncounted) beginning(ctx context.Context, i, _ int) (Picture, error) {
	return u.Picture(ctx, i)
}

func (t *pictureTable) beginning(ctx context.Context, i, n int) (Picture, error) {
	if store.IsRemote(t.rows[i].path) {
		return t.Picture(ctx, i)
	}
	return t.rows[i].readPart(ctx, n)
}

func (s *shards) beginning(ctx context.Context, i, n int) (Picture, error) {
	return s.picture(ctx, i, int64(n))
}

func (j *joined) beginning(ctx context.Context, i, n int) (Picture, error) {
	part, at := j.part(i)
	p, _, err := Beginning(ctx, part, at, n)
	return p, err
}

func (s *subset) beginning(ctx context.Context, i, n int) (Picture, error) {
	p, _, err := Beginning(ctx, s.source, s.indices[i], n)
	return p, err
}

// readPart reads the first n bytes of the picture's file.
func (p *file) readPart(ctx context.Context, n int) (Picture, error) {
	if ctx.Err() != nil || p.bad != "" || p.size > pictureLimit {
		return p.read(ctx)
	}
	f, err := bounded.Open(p.path, bounded.Picture)
	if refused := (*bounded.Error)(nil); errors.As(err, &refused) {
		return Picture{}, errors.New(refused.Reason)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("read: %w", cause(err))
	}
	defer f.Close()
	data := make([]byte, n)
	got, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Picture{}, fmt.Errorf("read: %w", cause(err))
	}
	return Picture{File: data[:got]}, nil
}
