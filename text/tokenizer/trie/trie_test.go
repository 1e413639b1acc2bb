package trie

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestLongestIsWhatTryingAllKeysFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	word := func() string {
		b := make([]byte, 1+r.IntN(7))
		for i := range b {
			b[i] = "ab\x00\xffc"[r.IntN(5)]
		}
		return string(b)
	}
	keys, tree := map[string]int32{}, New()
	for i := range int32(4000) {
		k := word()
		keys[k] = i
		tree.Add(k, i)
	}
	for range 20000 {
		text := word() + word()
		want, length := int32(None), 0
		for n := 1; n <= len(text); n++ {
			if v, ok := keys[text[:n]]; ok {
				want, length = v, n
			}
		}
		if v, n := tree.Longest(text); v != want || n != length {
			t.Fatalf("%q: %d of %d bytes, want %d of %d", text, v, n, want, length)
		}
	}
}

func TestEmptyTrieAndEmptyText(t *testing.T) {
	tree := New()
	if v, n := tree.Longest("abc"); v != None || n != 0 {
		t.Errorf("an empty trie knows %d, %d bytes", v, n)
	}
	tree.Add(strings.Repeat("x", 5000), 7)
	if v, n := tree.Longest(strings.Repeat("x", 6000)); v != 7 || n != 5000 {
		t.Errorf("a long key: %d, %d bytes", v, n)
	}
	if v, _ := tree.Longest(""); v != None {
		t.Errorf("the empty text has %d", v)
	}
}
