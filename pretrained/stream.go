package pretrained

import (
	"context"
	"errors"

	"clipgo/datasets"
)

// EachPicture reads a source's pictures in its own order, a batch at a time.
func (m *Embedder) EachPicture(ctx context.Context, src datasets.Source, use func(*datasets.Batch) error,
	skipped func(datasets.Skip)) error {
	return m.eachBatch(ctx, m.Loader(src), 0, int64(src.Len()), use, func(b *datasets.Batch) {
		for _, s := range b.Skipped {
			skipped(s)
		}
	})
}

// eachBatch reads the slots [from, to) of a loader of this model. skipped sees each batch before use does. If none of its samples can be
// used, use doesn't get it.
func (m *Embedder) eachBatch(ctx context.Context, l *datasets.Loader, from, to int64, use func(*datasets.Batch) error,
	skipped func(*datasets.Batch)) error {
	defer m.warn()
	for b, err := range l.Batches(ctx, from, to) {
		if b != nil {
			skipped(b)
		}
		if err != nil {
			return err
		}
		if b.N == 0 { // only samples that can't be used were left
			continue
		}
		if err := use(b); err != nil {
			return err
		}
	}
	return nil
}

// EachBatch embeds a source's pictures in its own order, in this process or with the embedder's Crew. Decoding, the image tower and use
// overlap: while use has a batch the next one goes through the tower, so that use sees no Pixels: they are filled again.
func (m *Embedder) EachBatch(ctx context.Context, src datasets.Source, use func(*datasets.Batch, []float32) error,
	skipped func(datasets.Skip)) (err error) {
	if p := (&Pass{Embedder: m, Source: src}); p.divisible() {
		return p.eachBatch(ctx, use, skipped)
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	for e := range m.embedded(inner, src) {
		if err != nil {
			continue // the tower finishes its batch before it learns that it is the last
		}
		for _, s := range e.skips {
			skipped(s)
		}
		if err = e.err; err == nil && e.batch != nil {
			err = use(e.batch, e.features)
		}
		if err != nil {
			cancel()
		}
	}
	return err
}

// embeddedBatch is the features of a batch, after the samples before it that could not be used; the last of a stream is an
// error, or skips alone.
type embeddedBatch struct {
	skips    []datasets.Skip
	batch    *datasets.Batch
	features []float32
	err      error
}

// embedded streams the features of a source's pictures; whoever receives them reads to the end.
func (m *Embedder) embedded(ctx context.Context, src datasets.Source) <-chan embeddedBatch {
	out := make(chan embeddedBatch, 1)
	go func() {
		defer close(out)
		var e embeddedBatch
		e.err = m.EachPicture(ctx, src, func(b *datasets.Batch) error {
			features, err := m.EmbedImages(ctx, b.Pixels, b.N)
			if err != nil {
				return err
			}
			seen := *b
			seen.Pixels = nil
			e.batch, e.features = &seen, features
			out <- e
			e = embeddedBatch{}
			return nil
		}, func(s datasets.Skip) { e.skips = append(e.skips, s) })
		out <- e
	}()
	return out
}

// closeWith closes a source and joins its error.
func closeWith(err *error, c interface{ Close() error }) { *err = errors.Join(*err, c.Close()) }

// EmbedSource embeds the pictures of a source in its own order: use gets the samples' indices and their features, [n, E]. It is
// what search/ingest needs.
func (m *Embedder) EmbedSource(ctx context.Context, src datasets.Source, use func([]int, []float32) error, skip func(datasets.Skip)) error {
	return m.EachBatch(ctx, src, func(b *datasets.Batch, features []float32) error { return use(b.Index, features) }, skip)
}
