package search

import (
	"fmt"
	"strings"
	"testing"
)

// TestWordsAreThoseOfEachRow compares with a look at every row, in a catalog that several goroutines search.
func TestWordsAreThoseOfEachRow(t *testing.T) {
	const rows = 150_000
	c := &Catalog{live: NewSet(rows), rows: rows, odd: map[int]string{}, Root: "/p"}
	name := func(i int) string { return fmt.Sprintf("/p/%d/cat-%d.jpg", i%7, i) }
	caption := func(i int) string { return []string{"a cat", "dog", ""}[i%3] }
	for i := range rows {
		c.add(Detail{Path: name(i), Caption: caption(i)})
		if i%11 != 5 {
			c.live.Add(i)
		}
	}
	c.finish()
	for _, text := range []string{"cat", "cat 149999", "dog", "a", "at", "5 cat", "elephant"} {
		names, captions := c.Words(text)
		for i := range rows {
			in := func(s string) bool {
				for _, w := range strings.Fields(text) {
					if !holds([]byte(s), w, true) {
						return false
					}
				}
				return c.live.Has(i)
			}
			if names.Has(i) != in(strings.TrimPrefix(name(i), "/p/")) || captions.Has(i) != in(caption(i)) {
				t.Fatalf("%q, row %d: name %v, caption %v", text, i, names.Has(i), captions.Has(i))
			}
		}
	}
	if got := c.Newest(Selection{}); len(got) != c.live.Count() || got[0] != 0 || got[6] != 7 {
		t.Errorf("%d rows by time: %v", len(got), got[:8])
	}
}
