package bpe

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// uncached has the tokenizer's vocabulary and an empty cache.
func uncached(t *Tokenizer) *Tokenizer {
	return &Tokenizer{vocab: t.vocab, cache: newCache()}
}

func TestFillPadsAndCutsAsOpenClip(t *testing.T) {
	tok := New()
	for _, c := range []struct {
		text   string
		length int
		want   []int32
		n      int
		cut    bool
	}{
		{"a cat", 6, []int32{Start, 320, 2368, End, 0, 0}, 4, false},
		{"a cat", 4, []int32{Start, 320, 2368, End}, 4, false},
		{"a cat", 3, []int32{Start, 320, End}, 3, true},
		{"a cat", 2, []int32{Start, End}, 2, true},
		{"a cat", 1, []int32{End}, 1, true},
		{"", 3, []int32{Start, End, 0}, 2, false},
		{"", 2, []int32{Start, End}, 2, false},
		{" \n\t ", 3, []int32{Start, End, 0}, 2, false},
		{"a cat", 0, []int32{}, 0, true},
	} {
		ids := slices.Repeat([]int32{-1}, c.length)
		n, cut := tok.FillCut(ids, c.text)
		if !slices.Equal(ids, c.want) || n != c.n || cut != c.cut {
			t.Errorf("%q into %d: %v, %d ids, cut %v; want %v, %d, %v", c.text, c.length, ids, n, cut, c.want, c.n, c.cut)
		}
	}
}

func TestFillIsEncodeBetweenStartAndEnd(t *testing.T) {
	tok := New()
	for _, text := range captions(200) {
		ids := make([]int32, 77)
		n := tok.Fill(ids, text)
		if want := tok.Encode(text); !slices.Equal(ids[1:n-1], want) {
			t.Errorf("%q: Fill has %v, Encode %v", text, ids[1:n-1], want)
		}
	}
}

func TestDecodeGivesTheWordsBack(t *testing.T) {
	tok := New()
	for _, text := range []string{
		"a photo of a cat", "hummingbirds", "z\u00fcrich", "\u65e5\u672c", "\u0434\u043e\u043c \u0438 \u043b\u0435\u0441", "",
		"\U0001f600", "x",
	} {
		if got := tok.Decode(tok.Encode(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	ids := make([]int32, 9)
	tok.Fill(ids, "A Cat!")
	if got := tok.Decode(ids); got != "a cat !" {
		t.Errorf("decoded %q, want what is between start and end", got)
	}
	if got := tok.Decode([]int32{tok.vocab.symbols[0xc3]}); got != "\ufffd" {
		t.Errorf("half a character decodes to %q", got)
	}
}

// A word's ids by the definition: the earliest merge everywhere at once, until there is none.
func slowMerge(v *vocabulary, text string) []int32 {
	var ids []int32
	for i := range len(text) {
		ids = append(ids, v.symbols[text[i]])
	}
	ids[len(ids)-1] += 256
	for {
		best := int32(VocabSize)
		for i := range len(ids) - 1 {
			if id, ok := v.merges[pair{ids[i], ids[i+1]}]; ok {
				best = min(best, id)
			}
		}
		if best == VocabSize {
			return ids
		}
		var next []int32
		for i := 0; i < len(ids); i++ {
			if i+1 < len(ids) && v.merges[pair{ids[i], ids[i+1]}] == best {
				next = append(next, best)
				i++
				continue
			}
			next = append(next, ids[i])
		}
		ids = next
	}
}

func TestMergeIsTheEarliestMergeEverywhereAtOnce(t *testing.T) {
	v := loaded()
	words := []string{"a", "aaaaaaaaaaaaa", "banananananas", "mississippi", strings.Repeat("ab", 40), strings.Repeat("haha!", 30)}
	for _, c := range captions(300) {
		words = append(words, strings.ReplaceAll(c, " ", ""))
		words = append(words, strings.Fields(c)...)
	}
	for _, w := range words {
		if got, want := v.merge([]byte(w)), slowMerge(v, w); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", w, got, want)
		}
	}
}

func TestConcurrentUseGivesTheSameIDs(t *testing.T) {
	tok := New()
	list := captions(500)
	want := make([][]int32, len(list))
	for i, text := range list {
		want[i] = uncached(tok).Encode(text)
	}
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			for i, text := range list {
				if got := tok.Encode(text); !slices.Equal(got, want[i]) {
					errs <- fmt.Errorf("%q: %v, want %v", text, got, want[i])
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

func TestLongCaptionsReadOnlyTheirStart(t *testing.T) {
	tok := New()
	for name, c := range map[string]struct{ long, short string }{
		"words":             {"a cat " + strings.Repeat("and a dog ", 100_000), "a cat " + strings.Repeat("and a dog ", 30)},
		"white space first": {strings.Repeat(" \n", 500_000) + "a cat", "a cat"},
		"white space among": {"a" + strings.Repeat(" ", 1_000_000) + "cat", "a cat"},
		"a word after 64 K": {"a " + strings.Repeat("\u4e2d ", 30_000) + strings.Repeat("x", 1_000_000),
			"a " + strings.Repeat("\u4e2d ", 99)},
	} {
		got, want := make([]int32, 77), make([]int32, 77)
		n, cut := tok.FillCut(got, c.long)
		wantN, wantCut := tok.FillCut(want, c.short)
		if !slices.Equal(got, want) || n != wantN || cut != wantCut {
			t.Errorf("%s: %v (%d, %v), want %v (%d, %v)", name, got, n, cut, want, wantN, wantCut)
		}
	}
	one := strings.Repeat("x", 1_000_000) // no white space to cut at
	if n, cut := tok.FillCut(make([]int32, 77), one); n != 77 || !cut {
		t.Errorf("one long word: %d ids, cut %v", n, cut)
	}
	if got := readable(one); len(got) != longest {
		t.Errorf("%d bytes of one long word are read, want %d", len(got), longest)
	}
}

func TestLongWordsAreEncodedWhole(t *testing.T) {
	tok := New()
	text := strings.Repeat("kaleidoscope", 20_000)
	if got := tok.Decode(tok.Encode(text)); got != text {
		t.Errorf("%d bytes come back as %d", len(text), len(got))
	}
}

func TestCacheKeepsTheNewestWordOfASlot(t *testing.T) {
	c := newCache()
	for i := range 3 * cacheSlots {
		w := fmt.Appendf(nil, "w%d", i)
		c.put(w, []int32{int32(i)})
		if got := c.get(w); len(got) != 1 || got[0] != int32(i) {
			t.Fatalf("%s: %v", w, got)
		}
	}
	long := []byte(strings.Repeat("x", cacheLongest+1))
	if c.put(long, []int32{1}); c.get(long) != nil {
		t.Errorf("a word of %d bytes is kept", len(long))
	}
}

func TestFingerprintIsOfTheMerges(t *testing.T) {
	if got := New().Fingerprint(); len(got) != 16 {
		t.Errorf("fingerprint %q", got)
	}
	if _, err := readVocabulary(mergesFile[:len(mergesFile)/10]); err == nil {
		t.Error("a vocabulary that was cut off is accepted")
	}
}

func FuzzFill(f *testing.F) {
	for _, s := range []string{"a cat", "&#x80;&amp;", "\xff\xc3(", "\u00c3\u00a9 \u00e2\u20ac\u2122", "\x1b[31m", "<start_of_text>",
		"'\u017f",
		"<\u017ftart_of_text>", "\u03a3\u03a3 \u0130", "\u00c3 \u00c2 \ufffd", "&", "&#", "&#x;", "\x1a\u0081"} {
		f.Add(s, 77)
	}
	tok := New()
	f.Fuzz(func(t *testing.T, text string, length int) {
		ids := make([]int32, 2+(length&0xff))
		n, cut := tok.FillCut(ids, text)
		if ids[0] != Start || ids[n-1] != End || n > len(ids) || cut && n != len(ids) {
			t.Fatalf("%q: %d ids, cut %v: %v", text, n, cut, ids)
		}
		for i, id := range ids {
			if id < 0 || id >= VocabSize || i >= n && id != 0 {
				t.Fatalf("%q: id %d at %d of %d", text, id, i, n)
			}
		}
		again := make([]int32, len(ids))
		if uncached(tok).Fill(again, text); !slices.Equal(ids, again) {
			t.Fatalf("%q: %v, then %v", text, ids, again)
		}
		if !utf8.ValidString(tok.Decode(ids)) {
			t.Fatalf("%q decodes to %q", text, tok.Decode(ids))
		}
	})
}
