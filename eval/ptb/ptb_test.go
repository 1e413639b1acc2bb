package ptb

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// The words are those that Stanford's tokenizer gave to pycocoevalcap: a caption and its words a line, with a tab between.
func TestWordsAreThoseOfThePTBTokenizer(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "words.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		caption, want, _ := strings.Cut(s.Text(), "\t")
		if got := strings.Join(Words(caption), " "); got != want {
			t.Errorf("%q:\n%q\nwant\n%q", caption, got, want)
		}
	}
	if lines < 100 {
		t.Errorf("%d lines", lines)
	}
}

func TestGoldenBenchmarkWords(t *testing.T) {
	path := filepath.Join(golden.Dir(t, "benchmark"), "details", "captions.jsonl")
	for _, l := range golden.Lines[struct {
		References []string
		Words      []string `json:"references_tokenized"`
		Candidate  string
		Tokenized  string `json:"candidate_tokenized"`
	}](t, path) {
		for i, caption := range append(l.References, l.Candidate) {
			want := append(l.Words, l.Tokenized)[i]
			if got := strings.Join(Words(caption), " "); got != want {
				t.Errorf("%q: %q, want %q", caption, got, want)
			}
		}
	}
}

// Nothing that a caption may hold stops the tokenizer, and no word is empty or has a space.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "'", "’s", "a\x80b", "\u00ad", "&apos;", "<a b>", "...", "don't", "\xff", "$", "U.S."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range Words(text) {
			if w == "" || strings.ContainsAny(w, " \t\n") {
				t.Errorf("%q: %q", text, w)
			}
		}
	})
}
