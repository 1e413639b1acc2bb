package sentencepiece

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// BenchmarkCaptions encodes captions of twelve words.
func BenchmarkCaptions(b *testing.B) {
	m, err := Read(golden.Read(b, filepath.Join(golden.Dir(b, "tokenizers/sentencepiece/t5"), "spiece.model.gz")))
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("a photo of the cat dog house river mountain bicycle window garden street market bridge castle forest beach")
	list := make([]string, 4096)
	for i := range list {
		for range 12 {
			list[i] += words[r.IntN(len(words))] + " "
		}
	}
	var ids []int32
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		ids = m.Append(ids[:0], list[i%len(list)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "captions/s")
}
