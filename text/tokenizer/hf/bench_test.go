package hf

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

func captions() []string {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("a photo of the cat dog house river mountain bicycle window garden street market bridge castle forest " +
		"beach two some with and in on red blue small large running walking old new children people playing near water painting")
	out := make([]string, 4096)
	for i := range out {
		var b []string
		for range 12 {
			b = append(b, words[r.IntN(len(words))])
		}
		out[i] = strings.Join(b, " ")
	}
	return out
}

// BenchmarkCaptions encodes captions of twelve words.
func BenchmarkCaptions(b *testing.B) {
	dirs, _ := filepath.Glob(filepath.Join(golden.Dir(b, "tokenizers/hf"), "*"))
	list := captions()
	for _, dir := range dirs {
		b.Run(filepath.Base(dir), func(b *testing.B) {
			tok, err := Read(golden.Read(b, filepath.Join(dir, "tokenizer.json.gz")))
			if err != nil {
				b.Fatal(err)
			}
			var ids []int32
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				ids = tok.Append(ids[:0], list[i%len(list)])
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "captions/s")
		})
	}
}

// BenchmarkReadLarge reads a file of Gemma's size: 256,000 tokens and as many merges.
func BenchmarkReadLarge(b *testing.B) {
	vocab := map[string]int32{"<unk>": 0, "a": 1, "b": 2}
	merges := [][2]string{}
	for i := int32(3); i < 256_000; i++ {
		left := fmt.Sprintf("t%d", i-1)
		if i == 3 {
			left = "a"
		}
		token := fmt.Sprintf("t%d", i)
		vocab[token] = i
		vocab[left+"b"] = i
		merges = append(merges, [2]string{left, "b"})
	}
	data, err := json.Marshal(map[string]any{"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": merges}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Read(data); err != nil {
			b.Fatal(err)
		}
	}
}
