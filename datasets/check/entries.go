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
	tallies := make([]*entryTally, max(c.Workers, 1))
	for w := range tallies {
		tallies[w] = &entryTally{problems: problems{}, texts: newTextTally(&c.Options, c.seed), files: map[string]bool{}}
	}
	inFiles := !slices.Contains([]string{"folder", "classes", "table", "builtin"}, c.source.Info().Kind)
	err := c.each(ctx, "reading captions", c.source.Len(), func(worker, i int) error {
		t := tallies[worker]
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
