package search

import (
	"fmt"
	"sync"
	"testing"
)

// million is a catalog of a million pictures in 10,000 folders.
var million = sync.OnceValue(func() *Catalog {
	const rows = 1_000_000
	c := &Catalog{live: NewSet(rows), rows: rows, odd: map[int]string{}, Root: "/pictures"}
	for i := range rows {
		c.add(Detail{Path: fmt.Sprintf("/pictures/%04d/%07d.jpg", i/100, i), Caption: fmt.Sprintf("a picture of thing %d", i%997),
			Size: int64(i), MTime: int64(i) * 7919 % rows, Hash: fmt.Sprintf("%064x", i)})
		c.live.Add(i)
	}
	c.finish()
	return c
})

// BenchmarkCatalog measures what a page of results asks of the catalog.
func BenchmarkCatalog(b *testing.B) {
	c := million()
	for _, q := range []struct {
		name string
		run  func()
	}{
		{"newest", func() { c.Newest(Selection{}) }},
		{"newest of a folder", func() { c.Newest(Selection{Folders: []string{"/pictures/0042"}}) }},
		{"words of all rows", func() { c.Words("picture") }},
		{"rare words", func() { c.Words("thing 123") }},
		{"words of no row", func() { c.Words("an elephant") }},
		{"text filter", func() { c.Select(Selection{Text: "thing 123"}) }},
		{"size filter", func() { c.Select(Selection{MinSize: 1000}) }},
		{"folders", func() { c.Folders(2000) }},
		{"path", func() { c.RowAt("/pictures/0042/0004200.jpg") }},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				q.run()
			}
		})
	}
}
