package search

import (
	"slices"
	"strings"
)

// Facts counts the facts of the live rows.
func (c *Catalog) Facts() (out FactCounts) {
	t := &c.facts
	counts := make([]int, len(t.cameras))
	for row := range t.camera {
		if !c.live.Has(row) {
			continue
		}
		counts[t.camera[row]]++
		if t.taken[row] != 0 {
			out.Dated++
		}
		if t.place[row] != [2]float32{} {
			out.Located++
		}
	}
	for i, n := range counts {
		if i > 0 && n > 0 {
			out.Cameras = append(out.Cameras, NameCount{t.cameras[i], n})
		}
	}
	slices.SortFunc(out.Cameras, func(a, b NameCount) int { return strings.Compare(a.Name, b.Name) })
	return out
}
