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
	switch s := s.(type) {
	case *uncounted:
		return true
	case *joined:
		return slices.ContainsFunc(s.parts, InSequence)
	case *subset:
		return InSequence(s.source)
	case wrapper:
		return InSequence(s.Unwrap())
	case interface{ sequential() bool }:
		return s.sequential()
	}
	_, ok := streamOf(s)
	return ok
}

// ReadsParts reports whether Beginning of a source costs less than Picture, in any order.
func ReadsParts(s Source) bool {
	if InSequence(s) {
		return false
	}
	switch s := s.(type) {
	case *joined:
		return !slices.ContainsFunc(s.parts, func(p Source) bool { return !ReadsParts(p) })
	case *subset:
		return ReadsParts(s.source)
	case wrapper:
		return ReadsParts(s.Unwrap())
	}
	_, ok := s.(beginner)
	return ok
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
