package datasets

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
)

// sequential reports whether an archive can only be read from its beginning.
func (s *shards) sequential() bool {
	for i := range s.files {
		if s.files[i].head.Sequential {
			return true
		}
	}
	return false
}

// Parts implements Stream: each archive is one.
func (s *shards) Parts() []int { return s.ends }

// Part implements Stream.
func (s *shards) Part(ctx context.Context, part int, want func(i int) bool) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		f, first := &s.files[part], s.first(part)
		r := &partReader{shards: s, part: part}
		defer r.close()
		for n := range f.n + f.lost {
			if !want(first + n) {
				continue
			}
			one := Reading{Index: first + n}
			if f.head.Sequential {
				one.Picture, one.Err = r.picture(ctx, n)
			} else {
				one.Picture, one.Err = s.read(ctx, part, n, pictureLimit)
			}
			if !yield(one) {
				return
			}
		}
	}
}

// partReader reads an archive from its beginning.
type partReader struct {
	shards *shards
	part   int
	in     *unpacked // nil before the first picture
	err    error     // why nothing more can be read
}

func (r *partReader) close() {
	if r.in != nil {
		_ = r.in.Close() // it was only read
	}
}

// picture reads the picture of a sample behind those that were read before.
func (r *partReader) picture(ctx context.Context, n int) (Picture, error) {
	one := r.shards.sample(r.part, n)
	switch {
	case ctx.Err() != nil:
		return Picture{}, ctx.Err()
	case one.bad != "":
		return Picture{}, &unusable{one.bad}
	case one.size > pictureLimit:
		return Picture{}, tooLarge(one.size)
	case r.err != nil:
		return Picture{}, r.err
	}
	data, err := r.read(ctx, one)
	if err != nil {
		r.err = err
	}
	return Picture{File: data}, err
}

// read reads a member and the header before it, which must be as it was when the archive was indexed.
func (r *partReader) read(ctx context.Context, one shardSample) ([]byte, error) {
	o := r.shards.files[r.part].object
	if r.in == nil {
		below, err := r.shards.store.Stream(ctx, o, 0)
		if err != nil {
			return nil, r.shards.refusal(err)
		}
		if r.in, err = unpackFrom(below); err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Name, err)
		}
	}
	var header [tarBlock]byte
	data := make([]byte, one.size)
	_, err := r.in.Seek(one.offset-tarBlock-r.in.pos, io.SeekCurrent)
	if err == nil {
		_, err = io.ReadFull(r.in, header[:])
	}
	if err == nil && !announces(header[:], one.size) {
		return nil, &DataError{Source: r.shards.info.Name, Reason: o.Name + " holds other data than when it was read before"}
	}
	if err == nil {
		_, err = io.ReadFull(r.in, data)
	}
	if below := r.in.failed(); below != nil {
		return nil, r.shards.refusal(below)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Name, err)
	}
	return data, nil
}

// announces reports whether a block is the header of a member of a size.
func announces(block []byte, size int64) bool {
	h, err := tar.NewReader(bytes.NewReader(block)).Next()
	return err == nil && h.Size == size
}

// along answers single reads of pictures that can only be read in sequence. A read goes on from the one before it, if that was of the same
// archive and of a sample before this one; else it begins with the archive.
type along struct {
	mu     sync.Mutex
	reader *partReader
	ctx    context.Context // of the reader
	next   int
}

func (a *along) picture(ctx context.Context, s *shards, part, n int) (Picture, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.reader; r == nil || r.part != part || r.err != nil || n < a.next || a.ctx.Err() != nil {
		a.stop()
		a.reader, a.ctx = &partReader{shards: s, part: part}, ctx
	}
	a.next = n + 1
	return a.reader.picture(ctx, n)
}

func (a *along) stop() {
	if a.reader != nil {
		a.reader.close()
	}
	a.reader = nil
}

func (a *along) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
}
