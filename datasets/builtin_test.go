package datasets

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipgo/datasets/shapes"
)

func builtin(t *testing.T, src string) Source {
	t.Helper()
	s, err := openBuiltin(src)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestBuiltinsThatCannotBeMeantAreRefused(t *testing.T) {
	for src, reason := range map[string]string{
		"builtin:":                                 `no built-in set ""; known: emoji, shapes, shapes-preferences`,
		"builtin:mnist":                            `no built-in set "mnist"; known: emoji, shapes, shapes-preferences`,
		"builtin:Emoji":                            `no built-in set "Emoji"; known: emoji, shapes, shapes-preferences`,
		"builtin:emoji?n=3":                        `emoji has no parameter "n"; known: names, split`,
		"builtin:emoji?split=test":                 "split=test is not one of all, train, val",
		"builtin:emoji?split=":                     "split= is not one of all, train, val",
		"builtin:shapes?split=all":                 "split=all is not one of train, val, novel",
		"builtin:shapes?label_noise=0.1":           `shapes has no parameter "label_noise"; known: label-noise, n, seed, split, uncounted`,
		"builtin:shapes?a=1&n=0&b=2":               `shapes has no parameter "a"; known: label-noise, n, seed, split, uncounted`,
		"builtin:shapes?n=0":                       "n=0 is not a whole number from 1 to 2147483647",
		"builtin:shapes?n=2147483648":              "n=2147483648 is not a whole number from 1 to 2147483647",
		"builtin:shapes?n=1e3":                     "n=1e3 is not a whole number from 1 to 2147483647",
		"builtin:shapes?n=5&n=6":                   "parameter n is given 2 times",
		"builtin:shapes?n=-1&seed=-1":              "n=-1 is not a whole number",
		"builtin:shapes?seed=-1":                   "seed=-1 is not a whole number from 0 to 18446744073709551615",
		"builtin:shapes?seed=":                     "seed= is not a whole number",
		"builtin:shapes?label-noise=1.5":           "label-noise=1.5 is not a number from 0 to 1",
		"builtin:shapes?label-noise=-0.1":          "label-noise=-0.1 is not a number from 0 to 1",
		"builtin:shapes?uncounted=2":               "uncounted=2 is not a number from 0 to 1",
		"builtin:shapes?label-noise=NaN":           "label-noise=NaN is not a number from 0 to 1",
		"builtin:shapes?n=5;seed=2":                "parameters are not k=v&k2=v2",
		"builtin:shapes?seed=%zz":                  "parameters are not k=v&k2=v2",
		"builtin:shapes?n":                         "n= is not a whole number",
		"builtin:shapes?seed=1 ":                   "seed=1  is not a whole number",
		"builtin:shapes?seed=18446744073709551616": "seed=18446744073709551616 is not a whole number",
	} {
		_, err := openBuiltin(src)
		var usage *UsageError
		if !errors.As(err, &usage) || usage.Source != src || !strings.Contains(usage.Reason, reason) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestBuiltinsHaveTheirLengthsClassesAndPictures(t *testing.T) {
	for src, want := range map[string]struct{ length, classes, width, height int }{
		"builtin:emoji":                            {1411, 1411, 136, 128},
		"builtin:emoji?split=all":                  {1411, 1411, 136, 128},
		"builtin:emoji?split=train":                {1266, 1411, 136, 128},
		"builtin:emoji?split=val":                  {145, 1411, 136, 128},
		"builtin:shapes":                           {100_000, 288, 64, 64},
		"builtin:shapes?":                          {100_000, 288, 64, 64},
		"builtin:shapes?split=val":                 {1000, 288, 64, 64},
		"builtin:shapes?split=novel":               {1000, 288, 64, 64},
		"builtin:shapes?n=77&split=novel&seed=3":   {77, 288, 64, 64},
		"builtin:shapes?label-noise=0.25&n=100000": {100_000, 288, 64, 64},
	} {
		s := builtin(t, src)
		if s.Len() != want.length || len(s.Info().Classes) != want.classes || s.Info().Kind != "builtin" || s.Info().Name != src {
			t.Errorf("%s: %d samples, %d classes", src, s.Len(), len(s.Info().Classes))
		}
		p, err := s.Picture(t.Context(), s.Len()-1)
		if err != nil || p.File != nil || p.Width != want.width || p.Height != want.height || len(p.RGB) != 3*p.Width*p.Height {
			t.Errorf("%s: picture %d x %d with %d bytes, %v", src, p.Width, p.Height, len(p.RGB), err)
		}
	}
}

func TestLabelsNameTheCaptions(t *testing.T) {
	for _, src := range []string{"builtin:emoji", "builtin:emoji?split=val", "builtin:shapes?n=500", "builtin:shapes?split=novel"} {
		s := builtin(t, src)
		keys := map[string]bool{}
		for i := range s.Len() {
			e := entryOf(t, s, i)
			if e.Captions[0] != s.Info().Classes[e.Label] || e.Bad != "" {
				t.Errorf("%s: %+v is class %q", src, e, s.Info().Classes[e.Label])
			}
			for _, template := range s.Info().Templates {
				if !slices.Contains(e.Captions, strings.Replace(template, "{}", e.Captions[0], 1)) {
					t.Errorf("%s: %q does not fit %q", src, template, e.Captions)
				}
			}
			keys[e.Key] = true
		}
		if len(keys) != s.Len() {
			t.Errorf("%s: %d keys for %d samples", src, len(keys), s.Len())
		}
	}
}

func TestEmojiEntryReadsWell(t *testing.T) {
	s := builtin(t, "builtin:emoji")
	e := entryOf(t, s, slices.Index(s.Info().Classes, "grinning face"))
	want := []string{"grinning face", "an emoji of grinning face", "a picture of grinning face", "grinning face emoji"}
	if e.Key != "U+1F600 grinning face" || !slices.Equal(e.Captions, want) {
		t.Errorf("%+v", e)
	}
}

func TestEmojiSplitsShareNothingAndLeaveNothing(t *testing.T) {
	seen := map[string]int{}
	for _, split := range []string{"train", "val"} {
		s := builtin(t, "builtin:emoji?split="+split)
		for i := range s.Len() {
			seen[entryOf(t, s, i).Key]++
		}
	}
	all := builtin(t, "builtin:emoji")
	for i := range all.Len() {
		if key := entryOf(t, all, i).Key; seen[key] != 1 {
			t.Errorf("%s is in %d splits", key, seen[key])
		}
	}
}

func TestLabelNoiseLeavesLabelsAndPicturesTrue(t *testing.T) {
	clean, noisy := builtin(t, "builtin:shapes?n=400"), builtin(t, "builtin:shapes?n=400&label-noise=1")
	for i := range clean.Len() {
		a, b := entryOf(t, clean, i), entryOf(t, noisy, i)
		if a.Label != b.Label || a.Key != b.Key || a.Captions[0] == b.Captions[0] {
			t.Errorf("%+v became %+v", a, b)
		}
		p, err := clean.Picture(t.Context(), i)
		q, err2 := noisy.Picture(t.Context(), i)
		if err != nil || err2 != nil || !bytes.Equal(p.RGB, q.RGB) {
			t.Errorf("picture %d changes: %v %v", i, err, err2)
		}
	}
}

// Every way to change what is read, and none that changes nothing.
func TestFingerprintsTellBuiltinsApart(t *testing.T) {
	seen := map[string]string{}
	for _, src := range []string{
		"builtin:emoji", "builtin:emoji?split=val", "builtin:emoji?split=train",
		"builtin:shapes", "builtin:shapes?split=val", "builtin:shapes?split=novel", "builtin:shapes?n=9", "builtin:shapes?seed=1",
		"builtin:shapes?label-noise=0.1", "builtin:shapes?label-noise=0.10000001", "builtin:shapes?uncounted=0.1",
	} {
		mark := builtin(t, src).Info().Fingerprint
		if other, twice := seen[mark]; twice {
			t.Errorf("%s has the fingerprint of %s", src, other)
		}
		seen[mark] = src
	}
	for src, same := range map[string]string{
		"builtin:emoji?split=all":                                    "builtin:emoji",
		"builtin:shapes?seed=0&split=train&n=100000&label-noise=0.0": "builtin:shapes",
		"builtin:shapes?split=val&n=01000":                           "builtin:shapes?split=val",
		"builtin:shapes?label-noise=1e-1":                            "builtin:shapes?label-noise=0.1",
	} {
		if seen[builtin(t, src).Info().Fingerprint] != same {
			t.Errorf("%s is not %s", src, same)
		}
	}
}

func TestBuiltinsServeSeveralReadersAndObeyTheContext(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, src := range []string{"builtin:emoji", "builtin:shapes"} {
		s := builtin(t, src)
		if _, err := s.Picture(over, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", src, err)
		}
		want, err := s.Picture(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				got, err := s.Picture(t.Context(), 5)
				if err != nil || !bytes.Equal(got.RGB, want.RGB) || entryOf(t, s, 5).Label < 0 {
					t.Errorf("%s: %v", src, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestScenesAreThoseOfTheirSplit(t *testing.T) {
	for split, novel := range map[string]bool{"train": false, "val": false, "novel": true} {
		src := "builtin:shapes?split=" + split
		s := builtin(t, src)
		for i := range 1000 {
			if e := entryOf(t, s, i); shapes.Combination(e.Label).Novel() != novel {
				t.Errorf("%s: %+v", src, e)
			}
		}
	}
}

func TestEmojiNamesCanBeThoseOfTheSplitAlone(t *testing.T) {
	all, err := openBuiltin("builtin:emoji?split=val")
	if err != nil {
		t.Fatal(err)
	}
	own, err := openBuiltin("builtin:emoji?split=val&names=split")
	if err != nil {
		t.Fatal(err)
	}
	if a, o := len(all.Info().Classes), len(own.Info().Classes); a != 1411 || o != own.Len() || o != all.Len() {
		t.Errorf("%d and %d classes for %d pictures", a, o, own.Len())
	}
	for i := range own.Len() {
		a, o := entryOf(t, all, i), entryOf(t, own, i)
		if name := own.Info().Classes[o.Label]; name != all.Info().Classes[a.Label] || !slices.Contains(o.Captions, name) {
			t.Errorf("%s is labelled %q", o.Key, name)
		}
	}
}
