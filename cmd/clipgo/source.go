package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	"clipgo/datasets"
)

// isFolder refuses a flag's path that is a file.
func isFolder(flag, path string) error {
	st, err := os.Stat(path)
	switch {
	case err == nil && !st.IsDir():
		return usagef("%s: %s is a file, not a directory", flag, path)
	case errors.Is(err, syscall.ENOTDIR):
		return usagef("%s: %s would lie in a file, not in a directory", flag, path)
	}
	return nil
}

// tellNotes says what opening the data had to guess or mend.
func tellNotes(c *console, info datasets.Info) {
	for _, note := range info.Notes {
		c.log.Info(note, "data", info.Name)
	}
}

// tellSkip warns of a sample that could not be used.
func (c *console) tellSkip(s datasets.Skip) {
	c.log.Warn("skipped", "sample", s.Key, "reason", s.Reason)
}

// eachPicture reads a source's pictures in its own order, a batch at a time.
func (m *loaded) eachPicture(ctx context.Context, src datasets.Source, use func(*datasets.Batch) error, skipped func(datasets.Skip)) error {
	for b, err := range m.loader(src).Batches(ctx, 0, int64(src.Len())) {
		if b != nil {
			for _, s := range b.Skipped {
				skipped(s)
			}
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

// eachBatch embeds a source's pictures in its own order. Decoding, the image tower and use overlap: while use has a batch
// the next one goes through the tower, so that use sees no Pixels: they are filled again.
func (m *loaded) eachBatch(ctx context.Context, src datasets.Source, use func(*datasets.Batch, []float32) error, skipped func(datasets.Skip)) (err error) {
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
func (m *loaded) embedded(ctx context.Context, src datasets.Source) <-chan embeddedBatch {
	out := make(chan embeddedBatch, 1)
	go func() {
		defer close(out)
		var e embeddedBatch
		e.err = m.eachPicture(ctx, src, func(b *datasets.Batch) error {
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
