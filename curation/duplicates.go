package curation

import (
	"cmp"
	"slices"
)

// Group is pictures that belong together. Members are in the order of rows; Keeper is the one to keep.
type Group struct {
	Members []int
	Keeper  int
}

// Duplicates are the connected components of pairs with at least two pictures, the largest first and equals by their first picture. The
// keeper is the largest file, then the oldest, then the first by path.
func (c *Collection) Duplicates(pairs []Pair) []Group {
	parent := make([]int, c.Len())
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, p := range pairs { // the root is the smallest row
		a, b := find(p.A), find(p.B)
		parent[max(a, b)] = min(a, b)
	}
	members := map[int][]int{}
	for _, p := range pairs {
		root := find(p.A)
		members[root] = append(members[root], p.A, p.B)
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
