package check

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"clipgo/datasets"
)

// Doubles are the pictures that several samples have.
type Doubles struct {
	Files  Equal `json:"files"`  // equal files
	Pixels Equal `json:"pixels"` // equal pixels, of the pictures that were decoded: such as a file that was copied with other metadata
}

// Equal counts equal pictures.
type Equal struct {
	Compared int        `json:"compared"`
	Extra    int        `json:"extra"`  // pictures beyond the first of each group
	Groups   int        `json:"groups"` // of equal pictures
	Share    float64    `json:"share"`  // Extra / Compared
	Examples [][]string `json:"examples"`
}

// The numbers of groups, and of samples of each, that are named.
const mostGroups, mostInGroup = 6, 4

// equal groups marks. It sorts them.
func (c *checker) equal(ctx context.Context, marks []mark) Equal {
	slices.SortFunc(marks, compareMarks)
	out := Equal{Compared: len(marks), Examples: [][]string{}}
	var top [][]mark
	for g := range groups(marks) {
		if len(g) == 1 {
			continue
		}
		out.Groups++
		out.Extra += len(g) - 1
		if top = append(top, g); len(top) > 64*mostGroups {
			top = largest(top)
		}
	}
	out.Share = float64(out.Extra) / float64(max(out.Compared, 1))
	for _, g := range largest(top) {
		var keys []string
		for _, m := range g[:min(len(g), mostInGroup)] {
			if e, err := c.source.Entry(context.WithoutCancel(ctx), int(m.at)); err == nil {
				keys = append(keys, e.Key)
			}
		}
		out.Examples = append(out.Examples, keys)
	}
	return out
}

func largest(all [][]mark) [][]mark {
	slices.SortFunc(all, func(a, b []mark) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a[0].at, b[0].at)) })
	return all[:min(len(all), mostGroups)]
}

// fileMark is the hash of a picture's file, or of its size and its beginning.
func (c *checker) fileMark(i int, e datasets.Entry, p datasets.Picture, whole bool) mark {
	var h maphash.Hash
	h.SetSeed(c.seed)
	if p.File == nil {
		maphash.WriteComparable(&h, [2]int{p.Width, p.Height})
		_, _ = h.Write(p.RGB) // never fails
		return mark{hash: h.Sum64(), at: uint32(i)}
	}
	if whole = whole || e.Size == int64(len(p.File)); !whole {
		maphash.WriteComparable(&h, e.Size)
	}
	_, _ = h.Write(p.File)
	return mark{hash: h.Sum64(), at: uint32(i), part: !whole}
}

// confirm reads the files whose size and beginning are equal, and marks them by all of their bytes.
func (c *checker) confirm(ctx context.Context, marks []mark) error {
	slices.SortFunc(marks, compareMarks)
	var again []int
	at := 0
	for g := range groups(marks) {
		for k, m := range g {
			if len(g) > 1 && m.part {
				again = append(again, at+k)
			}
		}
		at += len(g)
	}
	return c.each(ctx, "comparing equal beginnings", len(again), func(_ int, i int) error {
		m := &marks[again[i]]
		e, p, err := c.picture(ctx, int(m.at))
		if err != nil {
			return fatal(ctx, err)
		}
		*m = c.fileMark(int(m.at), e, p, true)
		return nil
	})
}
