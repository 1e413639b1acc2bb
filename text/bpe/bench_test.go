package bpe

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// captions makes captions of twelve words out of a few hundred, the common ones more often.
func captions(n int) []string {
	r := rand.New(rand.NewPCG(7, 11))
	starts := strings.Fields("a photo picture drawing rendering of the An Image Close-up Stock view two some many")
	stems := strings.Fields("cat dog house river mountain bicycle tractor lamp window garden street market bridge castle " +
		"forest beach island teapot umbrella violin robot zebra penguin octopus lighthouse waterfall skateboard sandwich " +
		"typewriter microscope kaleidoscope hummingbird wheelbarrow staircase sailboat keyboard balloon cactus pineapple " +
		"painting sculpture portrait landscape architecture restaurant kitchen bedroom airport stadium museum library")
	ends := []string{"", "s", "ing", "ed", "y", ",", ".", "'s", "!", " 4k"}
	var words []string
	for _, s := range stems {
		for _, e := range ends {
			words = append(words, s+e)
		}
	}
	out := make([]string, n)
	for i := range out {
		var b []string
		for k := range 12 {
			if k%3 == 0 {
				b = append(b, starts[r.IntN(len(starts))])
				continue
			}
			u := r.Float64()
			b = append(b, words[int(u*u*float64(len(words)))])
		}
		out[i] = strings.Join(b, " ")
	}
	return out
}

// BenchmarkCaptions fills contexts of 77 from 8,192 different captions, cleaning included.
func BenchmarkCaptions(b *testing.B) {
	benchmark(b, captions(8192))
}

// BenchmarkAccentedCaptions is the same with a few letters that need the full cleaning.
func BenchmarkAccentedCaptions(b *testing.B) {
	list := captions(8192)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "e", "\u00e9")
	}
	benchmark(b, list)
}

func benchmark(b *testing.B, list []string) {
	tok := New()
	ids := make([]int32, 77)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tok.Fill(ids, list[i%len(list)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "captions/s")
}

func BenchmarkReadVocabulary(b *testing.B) {
	for b.Loop() {
		if _, err := readVocabulary(mergesFile); err != nil {
			b.Fatal(err)
		}
	}
}
