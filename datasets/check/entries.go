package check

import (
	"context"
	"slices"

	"clipgo/datasets"
)

// entryTally counts what one worker sees of the entries.
type entryTally struct {
	problems problems
	texts    *textTally
	read     int
	bad      int
	bytes    int64
	files    map[string]bool
}

// readEntries reads all entries with their captions.
func (c *checker) readEntries(ctx context.Context) error {
	return c.readEach(ctx, c.source.Len(), func(k int) int { return k })
}

// readSome reads the entries of some samples.
func (c *checker) readSome(ctx context.Context, samples []int) error {
	return c.readEach(ctx, len(samples), func(k int) int { return samples[k] })
}

// readEach reads n entries; sample gives the number of the k-th.
func (c *checker) readEach(ctx context.Context, n int, sample func(k int) int) error {
	tallies := make([]*entryTally, max(c.Workers, 1))
	for w := range tallies {
		tallies[w] = &entryTally{problems: problems{}, texts: newTextTally(&c.Options, c.seed), files: map[string]bool{}}
	}
	inFiles := !slices.Contains([]string{"folder", "classes", "table", "builtin"}, c.source.Info().Kind)
	err := c.each(ctx, "reading captions", n, func(worker, k int) error {
		t, i := tallies[worker], sample(k)
		e, err := c.entry(ctx, i)
		if err != nil && fatal(ctx, err) != nil {
			return err
		}
		t.read++
		if inFiles && e.File != "" && !t.files[e.File] {
			t.files[e.File] = true
		}
		if err != nil {
			e.Bad = err.Error()
		}
		if e.Bad != "" {
			t.bad++
			c.refuse(t.problems, BadEntry, i, e, e.Bad)
			return nil
		}
		t.bytes += e.Size
		t.texts.add(i, e)
		return nil
	})
	files := map[string]bool{}
	for _, t := range tallies {
		c.problems.join(t.problems)
		c.texts.join(t.texts)
		c.counts.entries += t.read
		c.counts.badEntries += t.bad
		c.data.Bytes += t.bytes
		for name := range t.files {
			files[name] = true
		}
	}
	c.data.Files = len(files)
	return err
}

// describe fills in what the source says of itself.
func (c *checker) describe() Data {
	info := c.source.Info()
	d := c.data
	d.Name, d.Kind, d.Classes, d.Fingerprint = info.Name, info.Kind, len(info.Classes), info.Fingerprint
	d.Notes, d.Ignored, d.Unread = info.Notes, info.Ignored, info.Unread
	return d
}

// classCaptions reports whether the captions are the names of classes, so that repeated ones are meant.
func classCaptions(info datasets.Info) bool { return info.Kind == "classes" }
