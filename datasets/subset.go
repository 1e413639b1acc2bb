package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
)

// Select is a view of the samples of a source at indices, in that order. Closing it doesn't close the source.
func Select(s Source, indices []int) Source {
	return &subset{s, indices, sync.OnceValue(func() Info { return subsetInfo(s.Info(), indices) })}
}

// Sample is a view of at most n samples of a source, spread evenly over it. Of data that is not counted they are the first ones.
// Closing it doesn't close the source.
func Sample(s Source, n int) Source {
	n = min(n, s.Len())
	indices := make([]int, n)
	if _, ok := s.(*uncounted); ok { // the last sample would be behind all others
		for i := range indices {
			indices[i] = i
		}
		return Select(s, indices)
	}
	for i := range indices {
		indices[i] = int(int64(i) * int64(s.Len()) / int64(n))
	}
	return Select(s, indices)
}

type subset struct {
	source  Source
	indices []int
	info    func() Info
}

func (s *subset) Len() int     { return len(s.indices) }
func (s *subset) Info() Info   { return s.info() }
func (s *subset) Close() error { return nil }

func (s *subset) Entry(ctx context.Context, i int) (Entry, error) {
	return s.source.Entry(ctx, s.indices[i])
}

func (s *subset) Picture(ctx context.Context, i int) (Picture, error) {
	return s.source.Picture(ctx, s.indices[i])
}

// subsetInfo is the source's description with a fingerprint of the chosen samples.
func subsetInfo(info Info, indices []int) Info {
	h := sha256.New()
	var b [8]byte
	for _, i := range indices {
		h.Write(binary.LittleEndian.AppendUint64(b[:0], uint64(i)))
	}
	info.Parts = nil // their samples don't follow each other any more
	info.Fingerprint = fmt.Sprintf("%s select=%x", info.Fingerprint, h.Sum(nil)[:8])
	return info
}
