package datasets

import (
	"context"
	"iter"
)

// Stream is a source whose pictures are read one after another, because some of them can't be read in any other order, or not as fast. Its
// Entry has random access nevertheless. A Loader reads such a source in sequence.
type Stream interface {
	Source
	// Parts are the samples' parts, such as archives: of each the index after its last sample.
	Parts() []int
	// Part reads the pictures of a part from its beginning, in the order of their indices: those for which want is true. Once ctx is done
	// each has its error.
	Part(ctx context.Context, part int, want func(i int) bool) iter.Seq[Reading]
}

// Reading is a sample's picture, or why it can't be used.
type Reading struct {
	Index   int
	Picture Picture
	Err     error
	entry   *Entry // of a sample that was not counted before; else nil
}

// wrapper is a source with the samples of another one, under the same indices, whose entries or description it changes.
type wrapper interface{ Unwrap() Source }

// streamOf is the source as a stream if it has to be read in sequence.
func streamOf(s Source) (Stream, bool) {
	switch s := s.(type) {
	case *shards:
		return s, s.sequential()
	case *subset:
		return s.stream()
	case *joined:
		return s.stream()
	case wrapper:
		return streamOf(s.Unwrap())
	case Stream:
		return s, true
	}
	return nil, false
}

// firstOf is the index of the first sample of a part.
func firstOf(parts []int, part int) int {
	if part == 0 {
		return 0
	}
	return parts[part-1]
}

// inOrder reads any source as one part.
type inOrder struct{ Source }

func (s inOrder) Parts() []int { return []int{s.Len()} }

func (s inOrder) Part(ctx context.Context, _ int, want func(i int) bool) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		for i := range s.Len() {
			if !want(i) {
				continue
			}
			r := Reading{Index: i}
			if r.Picture, r.Err = s.Picture(ctx, i); !yield(r) {
				return
			}
		}
	}
}

// ordered is a subset of a stream whose indices increase.
type ordered struct {
	*subset
	parts []int
	inner Stream
}

// stream is the subset of a stream. If its indices don't increase it is read in any order, which takes long.
func (s *subset) stream() (Stream, bool) {
	inner, ok := streamOf(s.source)
	if !ok {
		return nil, false
	}
	out, last, n := &ordered{subset: s, inner: inner}, -1, 0
	for _, end := range inner.Parts() {
		for ; n < len(s.indices) && s.indices[n] < end; n++ {
			if s.indices[n] <= last {
				return nil, false
			}
			last = s.indices[n]
		}
		out.parts = append(out.parts, n)
	}
	return out, n == len(s.indices)
}

func (s *ordered) Parts() []int { return s.parts }

func (s *ordered) Part(ctx context.Context, part int, want func(i int) bool) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		at, end := firstOf(s.parts, part), s.parts[part]
		if at == end {
			return
		}
		chosen := func(i int) bool {
			for at < end && s.indices[at] < i {
				at++
			}
			return at < end && s.indices[at] == i && want(at)
		}
		for r := range s.inner.Part(ctx, part, chosen) {
			r.Index = at
			if !yield(r) {
				return
			}
		}
	}
}

// chain is a sequence of sources of which one at least is a stream.
type chain struct {
	*joined
	parts []int
	of    []Stream // of each part
	own   []int    // of each part, its number in its stream
	base  []int    // of each part, the index of its stream's first sample
}

func (j *joined) stream() (Stream, bool) {
	out, found := &chain{joined: j}, false
	for k, part := range j.parts {
		s, ok := streamOf(part)
		if found = found || ok; !ok {
			s = inOrder{part}
		}
		base := firstOf(j.ends, k)
		for n, end := range s.Parts() {
			out.parts, out.of = append(out.parts, base+end), append(out.of, s)
			out.own, out.base = append(out.own, n), append(out.base, base)
		}
	}
	return out, found
}

func (c *chain) Parts() []int { return c.parts }

func (c *chain) Part(ctx context.Context, part int, want func(i int) bool) iter.Seq[Reading] {
	return func(yield func(Reading) bool) {
		base := c.base[part]
		for r := range c.of[part].Part(ctx, c.own[part], func(i int) bool { return want(base + i) }) {
			r.Index += base
			if !yield(r) {
				return
			}
		}
	}
}
