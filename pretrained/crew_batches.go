package pretrained

import (
	"context"
	"time"

	"clipgo/datasets"
)

// eachBatch is the Embedder's EachBatch with the crew. use and skipped are called in the order of one process.
func (p *Pass) eachBatch(ctx context.Context, use func(*datasets.Batch, []float32) error, skipped func(datasets.Skip)) error {
	limit := p.Embedder.Loader(p.Source).SkipLimit()
	all, size := int64(p.Source.Len()), int64(p.Embedder.Settings.BatchSize)
	print := p.Source.Info().Fingerprint
	for from, batches := int64(0), 1; from < all; {
		to, begun := min(all, from+int64(batches)*size), time.Now()
		shares, err := p.Embedder.Crew(ctx, Piece{Data: p.Data, From: from, To: to, Batch: size, All: all, Print: print}, p.Do)
		if err != nil {
			return err
		}
		batches = nextPiece(batches, len(shares), time.Since(begun))
		for _, s := range shares {
			for s.rest() > 0 {
				b, features, skips := s.cut(size, p.Embedder.Dim(), all)
				for i, one := range skips {
					skipped(one)
					if err := limit.Count(s.SkippedAt[i], one); err != nil {
						return err
					}
				}
				s.SkippedAt = s.SkippedAt[len(skips):]
				if b.N == 0 {
					continue
				}
				if err := use(b, features); err != nil {
					return err
				}
			}
		}
		from = to
	}
	return nil
}

// rest is the number of samples of a share that weren't cut off.
func (s *Share) rest() int { return len(s.Index) + len(s.SkippedAt) }

// cut cuts the first batch off a share of a source in its own order: its samples without pixels, and those of it that can't be used, whose
// slots stay.
func (s *Share) cut(size int64, dim int, all int64) (*datasets.Batch, []float32, []datasets.Skip) {
	first := all
	if len(s.Index) > 0 {
		first = int64(s.Index[0])
	}
	if len(s.SkippedAt) > 0 {
		first = min(first, s.SkippedAt[0])
	}
	next := min(all, (first/size+1)*size)
	n, gone := 0, 0
	for n < len(s.Index) && int64(s.Index[n]) < next {
		n++
	}
	for gone < len(s.SkippedAt) && s.SkippedAt[gone] < next {
		gone++
	}
	b := &datasets.Batch{N: n, Index: s.Index[:n], Entries: s.Entries[:n], Next: next}
	features, skips := s.Features[:n*dim], s.Skipped[:gone]
	s.Index, s.Entries, s.Features, s.Skipped = s.Index[n:], s.Entries[n:], s.Features[n*dim:], s.Skipped[gone:]
	return b, features, skips
}
