package search

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// FolderCount is a folder of the catalog and the number of live rows in and below it.
type FolderCount struct {
	Path string `json:"path"` // absolute
	Rows int    `json:"rows"`
}

// Folders lists the folders of live rows, by path, at most some of them: those with the most rows are kept.
func (c *Catalog) Folders(most int) []FolderCount {
	direct := map[string]int{}
	var last []byte // rows of a folder follow each other
	run := 0
	for row := range c.rows {
		name := c.path(row)
		at := bytes.LastIndexByte(name, '/')
		if at <= 0 || name[0] != '/' || !c.live.Has(row) {
			continue
		}
		if !bytes.Equal(name[:at], last) {
			direct[string(last)] += run
			last, run = name[:at], 0
		}
		run++
	}
	direct[string(last)] += run
	delete(direct, "")
	counts := map[string]int{}
	for name, n := range direct {
		for dir := filepath.Clean(name); len(dir) >= len(c.Root) && dir != "/"; dir = filepath.Dir(dir) {
			counts[dir] += n
		}
	}
	var out []FolderCount
	for dir, n := range counts {
		out = append(out, FolderCount{dir, n})
	}
	slices.SortFunc(out, func(a, b FolderCount) int { return cmp.Or(b.Rows-a.Rows, strings.Compare(a.Path, b.Path)) })
	out = out[:min(most, len(out))]
	slices.SortFunc(out, func(a, b FolderCount) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// orderTimes orders the live rows by the time of their files, the latest first, and equals by row.
func (c *Catalog) orderTimes() {
	for row := range c.rows {
		if c.live.Has(row) {
			c.newest = append(c.newest, row)
		}
	}
	slices.SortFunc(c.newest, func(a, b int) int { return cmp.Or(cmp.Compare(c.mtime[b], c.mtime[a]), a-b) })
}

// Newest returns the live rows of a selection by the time of their files, the latest first. The caller doesn't change them.
func (c *Catalog) Newest(s Selection) []int {
	if s.All() {
		return c.newest
	}
	keep := c.Select(s)
	out := make([]int, 0, keep.Count())
	for _, row := range c.newest {
		if keep.Has(row) {
			out = append(out, row)
		}
	}
	return out
}
