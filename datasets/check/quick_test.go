package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"clipgo/datasets"
)

// pictureFolder writes n pictures with captions, of which some are no pictures.
func pictureFolder(t *testing.T, n int, broken func(i int) bool, caption func(i int) string) datasets.Source {
	good := pngOf(t, 4, 4)
	files := map[string][]byte{}
	for i := range n {
		name := fmt.Sprintf("%04d", i)
		files[name+".txt"], files[name+".png"] = []byte(caption(i)), good
		if broken(i) {
			files[name+".png"] = []byte("<html>gone</html>")
		}
	}
	return folder(t, files)
}

func TestQuickLooks(t *testing.T) {
	own := func(i int) string { return fmt.Sprintf("picture %d of many", i) }
	long := strings.Repeat("word ", 100)
	for _, c := range []struct {
		name     string
		n        int
		broken   func(i int) bool
		caption  func(i int) string
		refusal  string
		warnings string
	}{
		{"good", 100, func(int) bool { return false }, own, "", ""},
		{"a third broken", 300, func(i int) bool { return i%3 == 0 }, own, "looked at before the first step", ""},
		{"one of few", 20, func(i int) bool { return i == 3 }, own, "1 of 20 pictures can't be used", ""},
		{"at the limit", 200, func(i int) bool { return i%100 == 3 }, own, "", ""},
		{"long", 100, func(int) bool { return false }, func(i int) string { return own(i) + long }, "", "100 % of the captions"},
		{"repeated", 100, func(int) bool { return false }, func(i int) string { return own(i % 9) }, "", "the same as that of another"},
	} {
		l, err := Quick(t.Context(), pictureFolder(t, c.n, c.broken, c.caption), options(), 0)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if (l.Refusal != nil) != (c.refusal != "") || c.refusal != "" && !strings.Contains(l.Refusal.Error(), c.refusal) {
			t.Errorf("%s: %v, want %q", c.name, l.Refusal, c.refusal)
		}
		text, any := strings.Join(l.Warnings, "\n"), c.name != "at the limit"
		if any && (text != "") != (c.warnings != "") || !strings.Contains(text, c.warnings) {
			t.Errorf("%s: %q, want %q", c.name, text, c.warnings)
		}
	}
}

// Some broken pictures of those looked at are chance, many are not.
func TestRefusalsAreNearlyCertain(t *testing.T) {
	for k, refused := range map[counts]bool{
		{present: 1000, entries: 1000, decoded: 32, badDecoded: 1}:                      false,
		{present: 1000, entries: 1000, decoded: 32, badDecoded: 4}:                      false,
		{present: 1000, entries: 1000, decoded: 32, badDecoded: 6}:                      true,
		{present: 300, entries: 300, decoded: 32, badDecoded: 4}:                        true, // more than 3 of all are too many
		{present: 1_000_000, entries: 2000, badEntries: 25, decoded: 32}:                false,
		{present: 1_000_000, entries: 2000, badEntries: 60, decoded: 32}:                true,
		{present: 1_000_000, entries: 2000, badEntries: 60, decoded: 0}:                 true,
		{present: 1_000_000, entries: 2000, badEntries: 20, decoded: 32, badDecoded: 1}: false,
	} {
		c := newChecker(&fake{n: k.present}, options())
		c.counts = k
		if err := c.refusal(); (err != nil) != refused {
			t.Errorf("%+v: %v", k, err)
		}
	}
}

// Of a large source a look reads a part, and without parts it reads no picture.
func TestQuickLooksReadLittle(t *testing.T) {
	s := &fake{n: 1_000_000, before: func(i int) { t.Errorf("reads picture %d", i) }}
	if l, err := Quick(t.Context(), s, options(), 0); err != nil || l.Refusal != nil || l.Warnings != nil {
		t.Errorf("%+v, %v", l, err)
	}
	s.bad = map[int]string{}
	for i := 0; i < s.n; i += 20 {
		s.bad[i] = "no caption"
	}
	if l, err := Quick(t.Context(), s, options(), 0); err != nil || l.Refusal == nil {
		t.Errorf("5 %% of the entries are bad: %+v, %v", l, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Quick(ctx, s, options(), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestTailsAreBinomial(t *testing.T) {
	for _, c := range []struct {
		k, n int
		p    float64
		want float64
	}{{0, 10, 0.5, 1}, {10, 10, 0.5, 1. / 1024}, {1, 2, 0.5, 0.75}, {1, 32, 0, 0}, {3, 24, 0.01, 1.7294268e-3}, {5, 5, 1, 1}} {
		if got := tail(c.k, c.n, c.p); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%d of %d at %g: %g, want %g", c.k, c.n, c.p, got, c.want)
		}
	}
}

func TestShufflesDrawEachNumberOnce(t *testing.T) {
	s := newShuffle(1000, 7)
	seen := map[int]bool{}
	for _, i := range s.take(2000, func(int) bool { return true }) {
		if i < 0 || i >= 1000 || seen[i] {
			t.Fatalf("%d again, or out of range", i)
		}
		seen[i] = true
	}
	if len(seen) != 1000 || len(s.moved) > 0 {
		t.Errorf("%d numbers, %d left in memory", len(seen), len(s.moved))
	}
}

func TestSpreadsHaveNearlyExactQuantiles(t *testing.T) {
	var s, half spread
	for i := range int64(10000) {
		if i%2 == 0 {
			s.add(i + 1)
		} else {
			half.add(i + 1)
		}
	}
	s.join(&half)
	p := s.public()
	for _, q := range []struct{ got, want int64 }{{p.Low, 1}, {p.P5, 500}, {p.Median, 5000}, {p.P95, 9500}, {p.High, 10000}} {
		if d := math.Abs(float64(q.got-q.want)) / float64(q.want); d > 0.016 {
			t.Errorf("%d, want %d", q.got, q.want)
		}
	}
	if p.Mean != 5000.5 {
		t.Errorf("mean %g", p.Mean)
	}
}
