package check

import (
	"context"
	"errors"
	"slices"

	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

// headerBytes is how much is read of a file for its header: more than most files have before their pixels.
const headerBytes = 32 << 10

// lookTally counts what one worker sees of the pictures' files.
type lookTally struct {
	problems problems
	pictures *pictureTally
	read     int
	bad      int
	files    []mark
	pixels   []mark
	shown    []Shown
}

func (c *checker) tallies() []*lookTally {
	out := make([]*lookTally, max(c.Workers, 1))
	for w := range out {
		out[w] = &lookTally{problems: problems{}, pictures: newPictureTally(c.Preprocess.Size)}
	}
	return out
}

func (c *checker) joinTallies(all []*lookTally) (read, bad int) {
	for _, t := range all {
		c.problems.join(t.problems)
		c.pictures.join(t.pictures)
		c.files, c.pixels, c.shown = append(c.files, t.files...), append(c.pixels, t.pixels...), append(c.shown, t.shown...)
		read, bad = read+t.read, bad+t.bad
	}
	return read, bad
}

// took counts a picture that was read. used is false if it can't be used, and end is the error if the whole check can't go on.
func (c *checker) took(ctx context.Context, t *lookTally, i int, e datasets.Entry, p datasets.Picture, err error) (used bool, end error) {
	if err != nil && fatal(ctx, err) != nil {
		return false, err
	}
	t.read++
	if err != nil {
		t.bad++
		c.refuse(t.problems, kindOf(err, p), i, e, err.Error())
	}
	return err == nil, nil
}

// readHeaders reads the headers of the pictures of some samples.
func (c *checker) readHeaders(ctx context.Context, samples []int) error {
	all, sorted := c.tallies(), slices.Sorted(slices.Values(samples)) // neighbours are in the same file
	err := c.each(ctx, "reading headers", len(samples), func(worker, k int) error {
		t, i := all[worker], sorted[k]
		e, p, whole, err := c.beginning(ctx, i)
		var h preprocess.Header
		if err == nil {
			h, err = headerOf(p, c.Limits)
		}
		if err != nil && fatal(ctx, err) == nil && !whole { // a part that is too short, or not what was meant: the file decides
			if e, p, err = c.picture(ctx, i); err == nil {
				whole = true
				h, err = headerOf(p, c.Limits)
			}
		}
		if used, end := c.took(ctx, t, i, e, p, err); !used {
			return end
		}
		t.pictures.add(i, e, h)
		t.files = append(t.files, c.fileMark(i, e, p, whole))
		return nil
	})
	read, bad := c.joinTallies(all)
	c.counts.headers, c.counts.badHeaders = c.counts.headers+read, c.counts.badHeaders+bad
	if err != nil {
		return err
	}
	return c.confirm(ctx, c.files)
}

// beginning reads the beginning of a sample's picture.
func (c *checker) beginning(ctx context.Context, i int) (e datasets.Entry, p datasets.Picture, whole bool, err error) {
	defer caught(&err)
	if e, err = c.source.Entry(ctx, i); err == nil {
		p, whole, err = datasets.Beginning(ctx, c.source, i, headerBytes)
	}
	return e, p, whole, err
}

// kindOf is the kind of a picture's error. Without a picture, it could not be read.
func kindOf(err error, p datasets.Picture) Kind {
	switch refused := (*preprocess.RefusedError)(nil); {
	case errors.As(err, &refused):
		return TooLarge
	case p.File == nil && p.RGB == nil:
		return Unreadable
	}
	return BadPicture
}
