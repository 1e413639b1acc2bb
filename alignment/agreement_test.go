package alignment

import (
	"errors"
	"hash/fnv"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/model/modeltest"
	"clipgo/vision/preprocess"
)

// rejudged are preferences with other judgements.
type rejudged struct {
	datasets.Preferences
	judged []float64
}

func (r rejudged) Preferred(i int) float64 { return r.judged[i] }

func (r rejudged) Len() int { return len(r.judged) }

// fillHash is a tokenizer that gives different captions different ids.
func fillHash(ids []int32, text string) (n int, cut bool) {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(text))
	ids[0], ids[9] = 48, 49
	for i, b := range hash.Sum(nil) {
		ids[1+i] = 1 + int32(b)%46
	}
	return 10, false
}

// The judgements follow from the rewards themselves: for them, against them, or as ties.
func TestAgreementFollowsTheJudgements(t *testing.T) {
	const n = 21
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	open, err := datasets.OpenPreferences(t.Context(), "builtin:shapes-preferences?n=40", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := &AgreementEvaluator{Reward: Reward{Model: m}, Skipped: func(s datasets.Skip) { t.Errorf("%+v", s) }}
	judge := func(judged []float64) {
		p := rejudged{open, judged}
		e.Pairs = p
		e.Loader = &datasets.Loader{Source: p, Pairs: p, BatchSize: 8, Size: 16, ContextLength: 12, Tokens: fillHash,
			Pixels: func(dst []uint8, p datasets.Picture, _ uint64) error {
				config := m.Preprocess
				config.Size = 16
				return config.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
			}}
	}
	judge(make([]float64, n))
	var agree []float64
	for b, err := range e.Loader.Batches(t.Context(), 0, n) {
		if err != nil {
			t.Fatal(err)
		}
		first, second, err := e.Reward.Measure(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			preferred := 0.
			if first[i] == second[i] {
				t.Fatalf("the rewards of a pair are equal: %g", first[i])
			}
			if first[i] > second[i] {
				preferred = 1
			}
			agree = append(agree, preferred)
		}
	}
	for against := range 4 { // so many judgements against the rewards, and two ties
		judged := append([]float64{}, agree...)
		for i := range against {
			judged[i] = 1 - judged[i]
		}
		judged[n-1], judged[n-2] = 0.5, 0.5
		judge(judged)
		got, err := e.Evaluate(t.Context())
		want := eval.Value{Name: AgreementName, Group: "Agreement with judges", Value: float64(n-2-against) / (n - 2), Chance: 0.5}
		if err != nil || len(got) != 1 || got[0] != want || e.Last.Pairs != n || e.Last.Ties != 2 {
			t.Errorf("%+v, %v, %+v, want %+v", got, err, e.Last, want)
		}
		about := e.Describe().About[want.Group]
		if about != "Share of 19 pairs of which the side that judges preferred has the higher reward." {
			t.Error(about)
		}
	}
	judge([]float64{0.5, 0.5})
	var refused *datasets.DataError
	if _, err := e.Evaluate(t.Context()); !errors.As(err, &refused) {
		t.Errorf("nothing but ties: %v", err)
	}
}
