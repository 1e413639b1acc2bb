package search

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// hashOrder holds the live rows by their hashes, and equals by row: those of SHA-256, and others. Rows without a hash are in neither.
type hashOrder struct{ digests, odd []int }

func (c *Catalog) orderHashes() {
	o := &c.byHash
	for row := range c.rows {
		if _, odd := c.odd[row]; !c.live.Has(row) || odd && c.odd[row] == "" {
			continue
		} else if odd {
			o.odd = append(o.odd, row)
		} else {
			o.digests = append(o.digests, row)
		}
	}
	slices.SortFunc(o.digests, func(a, b int) int { return cmp.Or(bytes.Compare(c.hash[a][:], c.hash[b][:]), a-b) })
	slices.SortFunc(o.odd, func(a, b int) int { return cmp.Or(strings.Compare(c.odd[a], c.odd[b]), a-b) })
}

// RowOf finds the live row of a content whose hash begins with some digits; -1 where there is none.
func (c *Catalog) RowOf(hash string) int {
	if hash == "" {
		return -1
	}
	for _, rows := range [][]int{c.byHash.digests, c.byHash.odd} {
		at, _ := slices.BinarySearchFunc(rows, hash, func(row int, hash string) int { return strings.Compare(c.hashOf(row), hash) })
		for ; at < len(rows) && strings.HasPrefix(c.hashOf(rows[at]), hash); at++ {
			if c.live.Has(rows[at]) {
				return rows[at]
			}
		}
	}
	return -1
}
