package review

import (
	"fmt"
	"testing"

	"clipgo/curation"
)

// BenchmarkDecide measures a decision about a list of 100,000 pictures.
func BenchmarkDecide(b *testing.B) {
	for _, name := range []string{"keep.csv", "keep.jsonl", "keep.parquet"} {
		b.Run(name, func(b *testing.B) {
			var rows []curation.Decision
			for i := range 100_000 {
				rows = append(rows, curation.Decision{Path: fmt.Sprintf("/pictures/folder %d/picture %d.jpg", i/1000, i), Keep: i%2 == 0,
					Group: i/2 + 1, Score: 0.97, Reason: "like /pictures/folder/picture.jpg"})
			}
			l := open(b, write(b, name, rows))
			defer closed(b, l)
			n := 0
			for b.Loop() {
				if _, err := l.Decide(n%50_000, n/50_000, []bool{true, false}); err != nil {
					b.Fatal(err)
				}
				l.Counts()
				n++
			}
		})
	}
}
