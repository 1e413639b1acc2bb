package curation

import (
	"cmp"
	"slices"

	"clipgo/internal/components"
)

// Group is pictures that belong together. Members are in the order of rows; Keeper is the one to keep.
type Group struct {
	Members []int
	Keeper  int
}

// Duplicates are the connected components of pairs with at least two pictures, the largest first and equals by their first picture. The
// keeper is the largest file, then the oldest, then the first by path.
func (c *Collection) Duplicates(pairs []Pair) []Group {
	sets := components.New(c.Len())
	for _, p := range pairs {
		sets.Link(p.A, p.B)
	}
	members := map[int][]int{}
	for _, p := range pairs {
		first := sets.First(p.A)
		members[first] = append(members[first], p.A, p.B)
	}
	var out []Group
	for _, m := range members {
		slices.Sort(m)
		m = slices.Clip(slices.Compact(m))
		out = append(out, Group{m, slices.MinFunc(m, c.worthier)})
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(len(b.Members), len(a.Members)), cmp.Compare(a.Members[0], b.Members[0]))
	})
	return out
}

// worthier orders pictures by which of them is kept.
func (c *Collection) worthier(i, j int) int {
	a, b := c.Items[i], c.Items[j]
	return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.MTime, b.MTime), cmp.Compare(a.Path, b.Path), cmp.Compare(i, j))
}
