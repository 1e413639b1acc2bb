package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/text/bpe"
	"clipgo/vision/preprocess"
)

// options are those of clipgo check with small pictures.
func options() Options {
	tokens := bpe.New()
	o := Options{Settings: DefaultSettings(), Tokens: tokens.FillCut, Text: tokens.Decode, ContextLength: 77,
		Preprocess: preprocess.Default(), Limits: preprocess.DefaultLimits(), Augment: preprocess.DefaultAugment()}
	o.Preprocess.Size, o.Workers = 32, 2
	return o
}

// fake is a source of small pictures. The maps give samples their own entries, pictures and errors.
type fake struct {
	n        int
	kind     string
	captions map[int][]string
	bad      map[int]string
	files    map[int][]byte
	errors   map[int]error
	before   func(i int) // called before a picture is read
}

func (f *fake) Len() int { return f.n }

func (f *fake) Info() datasets.Info {
	return datasets.Info{Name: "fake", Kind: f.kind, Fingerprint: "0"}
}

func (f *fake) Close() error { return nil }

func (f *fake) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	e := datasets.Entry{Key: fmt.Sprintf("fake/%d.png", i), Captions: f.captions[i], Label: -1, Bad: f.bad[i], File: "fake.tar"}
	if e.Captions == nil {
		e.Captions = []string{fmt.Sprintf("picture number %d", i)}
	}
	return e, ctx.Err()
}

func (f *fake) Picture(ctx context.Context, i int) (datasets.Picture, error) {
	if f.before != nil {
		f.before(i)
	}
	switch err := f.errors[i]; {
	case ctx.Err() != nil:
		return datasets.Picture{}, ctx.Err()
	case err != nil:
		return datasets.Picture{}, err
	case f.files[i] != nil:
		return datasets.Picture{File: f.files[i]}, nil
	}
	return datasets.Picture{RGB: bytes.Repeat([]byte{byte(i), byte(i >> 8), 3}, 4), Width: 2, Height: 2}, nil
}

// pngOf is a PNG of one colour.
func pngOf(t testing.TB, width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mustRun(t *testing.T, s datasets.Source, o Options) *Result {
	t.Helper()
	r, err := Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Samples.Present != s.Len() || r.Samples.Usable+r.Samples.Unusable != r.Samples.Present {
		t.Errorf("%+v", r.Samples)
	}
	return r
}

// mixed is a source in which every tenth sample or so can't be used, for a reason of each kind.
func mixed(t testing.TB) *fake {
	f := &fake{n: 50, bad: map[int]string{}, files: map[int][]byte{}, errors: map[int]error{}}
	for i := range 4 {
		f.bad[10*i+1] = fmt.Sprintf("line %d has no caption", 10*i+1)
		f.errors[10*i+2] = errors.New("read: permission denied")
	}
	f.files[3], f.files[13] = []byte("no picture"), []byte("<html>404</html>")
	f.files[4] = append(pngOf(t, 8, 8)[:40], 0)
	f.files[5] = pngOf(t, 20000, 1)
	f.files[6] = pngOf(t, 300, 40)
	return f
}

func TestEverySampleIsAccountedFor(t *testing.T) {
	for _, all := range []bool{false, true} {
		o := options()
		o.All = all
		r := mustRun(t, mixed(t), o)
		if !r.Samples.Exact || r.Samples.Unusable != 12 || r.Samples.Decoded != 46 || r.Samples.Share != (Estimate{0.24, 0.24, 0.24}) {
			t.Errorf("all %v: %+v", all, r.Samples)
		}
		counts := map[Kind]int{}
		for _, p := range r.Unusable {
			counts[p.Kind] += p.Count
		}
		if want := (map[Kind]int{BadEntry: 4, Unreadable: 4, BadPicture: 3, TooLarge: 1}); !reflect.DeepEqual(counts, want) {
			t.Errorf("%v, want %v", counts, want)
		}
		first := r.Unusable[0]
		if first.Reason != "line N has no caption" || first.Count != 4 || len(first.Examples) != 3 ||
			first.Examples[0].Key != "fake/1.png" || first.Examples[2].Reason != "line 21 has no caption" {
			t.Errorf("%+v", first)
		}
		if r.Verdict.Ends != EndsSurely || r.Refusal() == nil || !strings.Contains(r.Refusal().Error(), "12 of 50 samples") {
			t.Errorf("%+v: %v", r.Verdict, r.Refusal())
		}
	}
}

func TestResultsDoNotDependOnWorkers(t *testing.T) {
	s := mixed(t)
	s.n = 400
	var first *Result
	for _, workers := range []int{1, 3, 8} {
		o := options()
		o.Workers = workers
		r := mustRun(t, s, o)
		r.Speed, r.Settings = Speed{}, Settings{}
		if first == nil {
			first = r
		}
		if !reflect.DeepEqual(r, first) {
			t.Errorf("%d workers: %+v, one: %+v", workers, r, first)
		}
	}
	if len(first.Shown) != mostShown || first.Shown[0].picture == nil || first.Shown[0].Tokens < 4 {
		t.Errorf("%d samples are shown: %+v", len(first.Shown), first.Shown[0])
	}
}

// The share is estimated from a sample, of which there is more where the limit is near.
func TestSharesAreEstimated(t *testing.T) {
	for _, c := range []struct {
		name   string
		every  int // one of so many can't be decoded; 0: none
		least  int // pictures decoded
		most   int
		ending Ending
	}{
		{"none", 0, 400, 400, EndsNot}, {"a third", 3, 100, 100, EndsSurely}, {"3 of 100", 33, 200, 1600, EndsSurely},
		{"at the limit", 100, 1600, 1600, EndsMaybe},
	} {
		s := &fake{n: 20000, errors: map[int]error{}}
		for i := 0; c.every > 0 && i < s.n; i += c.every {
			s.errors[i] = errors.New("read: gone")
		}
		o := options()
		o.Sample = 100
		r := mustRun(t, s, o)
		share := float64(len(s.errors)) / float64(s.n)
		if d := r.Samples.Decoded; d < c.least || d > c.most || r.Samples.Exact || r.Verdict.Ends != c.ending {
			t.Errorf("%s: %d decoded, %+v", c.name, d, r.Verdict)
		}
		if e := r.Samples.Share; !(e.Low <= share && share <= e.High && e.Low <= e.Value && e.Value <= e.High) {
			t.Errorf("%s: %+v, truly %g", c.name, e, share)
		}
	}
}

func TestIntervalsAreWilsons(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want Estimate // from statsmodels' proportion_confint(method="wilson"), z 1.96
	}{
		{0, 0, Estimate{0, 0, 1}}, {0, 100, Estimate{0, 0, 0.036995}}, {5, 100, Estimate{0.05, 0.021543, 0.111750}},
		{9, 9, Estimate{1, 0.700847, 1}},
	} {
		got := wilson(c.k, c.n, confident)
		for i, d := range []float64{got.Value - c.want.Value, got.Low - c.want.Low, got.High - c.want.High} {
			if d > 1e-5 || d < -1e-5 {
				t.Errorf("%d of %d: %+v, want %+v (%d)", c.k, c.n, got, c.want, i)
			}
		}
	}
}

func TestCaptionsAreDescribed(t *testing.T) {
	long := strings.Repeat("word ", 100)
	s := &fake{n: 100, captions: map[int][]string{0: {long}, 1: {"\u200b"}, 2: {"\u4e00\u53ea\u72d7", "two of one picture"}}}
	for i := 10; i < 30; i++ {
		s.captions[i] = []string{"stock photo"}
	}
	o := options()
	o.BatchSize = 50
	c := mustRun(t, s, o).Captions
	if c.Count != 101 || c.Cut != 1 || c.Distinct != 82 || c.Repeated != 20 || c.Tokens.High != 102 || c.Tokens.Low > 3 {
		t.Errorf("%+v", c)
	}
	if len(c.Frequent) != 1 || c.Frequent[0] != (Repeat{Caption: "stock photo", Count: 20, at: 0}) {
		t.Errorf("%+v", c.Frequent)
	}
	if len(c.Truncated) != 1 || c.Truncated[0].Key != "fake/0.png" || c.Truncated[0].Tokens != 102 {
		t.Errorf("%+v", c.Truncated)
	}
	isChinese := func(s Count) bool { return s.Name == "Chinese" }
	if c.Scripts[0].Name != "Latin" || c.Scripts[0].Count != 99 || !slices.ContainsFunc(c.Scripts, isChinese) {
		t.Errorf("%+v", c.Scripts)
	}
	sum := 0
	for _, l := range c.Lengths {
		sum += l.Count
		if l.From <= 77 && l.To > 77 {
			t.Errorf("%+v is on both sides of the context", l)
		}
	}
	if sum != c.Count {
		t.Errorf("the lengths are of %d captions", sum)
	}
	// 20 of 101 captions have 19 others among 99 samples, of which one has two: 1-(1-19/1.01/99)^49 of them meet one
	if want := 20. / 101 * (1 - math.Pow(1-19/1.01/99, 49)); math.Abs(c.Equal-want) > 1e-9 {
		t.Errorf("%g of the pairs have an equal one, want nearly %g", c.Equal, want)
	}
}

func TestScriptsHaveFamilies(t *testing.T) {
	for text, want := range map[string]string{
		"a dog": "Latin", "\u00e9t\u00e9": "Latin", "123 !": noLetters, "": noLetters, "\u72ac\u304c\u8d70\u308b": "Japanese",
		"\u4e00\u53ea\u72d7 a": "Chinese", "\uac1c\uac00": "Korean", "\u0441\u043e\u0431\u0430\u043a\u0430": "Cyrillic",
		"\u0643\u0644\u0628": "Arabic", "\u13a0\u13a1": otherFamily, "\U0001f415": noLetters,
	} {
		if got := familyOf(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
