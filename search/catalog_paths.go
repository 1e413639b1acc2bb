package search

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// orderPaths makes the index of the live rows by their paths.
func (c *Catalog) orderPaths() pathIndex {
	out := pathIndex{seed: maphash.MakeSeed()}
	type entry struct {
		hash uint64
		row  int
	}
	var all []entry
	for row := range c.rows {
		if c.live.Has(row) {
			all = append(all, entry{maphash.Bytes(out.seed, c.path(row)), row})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), a.row-b.row) })
	for _, e := range all {
		out.hashes, out.rows = append(out.hashes, e.hash), append(out.rows, e.row)
	}
	return out
}

func (c *Catalog) path(row int) []byte { return c.plain.row(row)[:c.split[row]] }

// RowAt finds the live row of a path; -1 where there is none. The first call takes longer: it orders all rows by their paths.
func (c *Catalog) RowAt(path string) int {
	for _, row := range c.byPath().candidates(path) {
		if string(c.path(row)) == path {
			return row
		}
	}
	return -1
}
