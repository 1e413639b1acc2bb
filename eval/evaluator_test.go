package eval

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"slices"
	"testing"
)

// source is a FeatureSource with given features, or an error.
type source struct {
	features Features
	err      error
}

func (s source) Features(context.Context) (*Features, error) { return &s.features, s.err }

// threePictures has an orthogonal feature for each of three pictures. Picture 0 has two captions of which the second lies at picture 1.
func threePictures() source {
	return source{features: Features{
		Dim: 3, Images: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, Labels: []int{0, 1, 1},
		Captions: []string{"a", "b", "c", "d"}, Texts: []float32{1, 0, 0, 0.1, 1, 0.05, 0, 2, 0, 0, 0, 3}, TextImage: []int{0, 0, 1, 2},
	}}
}

func TestRetrievalIsEvaluatedInBothDirections(t *testing.T) {
	e := &RetrievalEvaluator{Source: threePictures(), Ks: []int{1, 5}, Pictures: 9}
	got, err := e.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Value{
		{Name: "image_retrieval_recall@1", Group: "Pictures by captions", Value: 0.75, Chance: 1. / 3},
		{Name: "image_retrieval_recall@5", Group: "Pictures by captions", Value: 1, Chance: 1},
		{Name: "text_retrieval_recall@1", Group: "Captions by pictures", Value: 1, Chance: 1. / 3},
		{Name: "text_retrieval_recall@5", Group: "Captions by pictures", Value: 1, Chance: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	described(t, e, got)
}

// Chance is counted over all choices of the first k of five texts; picture 2 has none.
func TestChanceOfRecallIsThatOfARandomOrder(t *testing.T) {
	textImage := []int{0, 1, 0, 0, 1}
	for k := range 7 {
		hits, choices := 0, 0
		for chosen := range 1 << len(textImage) {
			first := map[int]bool{}
			for text, image := range textImage {
				if chosen>>text&1 == 1 {
					first[image] = true
				}
			}
			if bits.OnesCount(uint(chosen)) == min(k, len(textImage)) {
				choices++
				hits += len(first)
			}
		}
		want := float64(hits) / float64(choices) / 3
		if got := textChance(3, textImage, k); math.Abs(got-want) > 1e-12 {
			t.Errorf("k %d: %g, want %g", k, got, want)
		}
	}
}

func TestZeroShotIsEvaluated(t *testing.T) {
	for _, c := range []struct {
		classes []string
		want    []Value
	}{
		{nil, nil},
		{[]string{"x", "y"}, []Value{{Name: "zeroshot_top1", Group: "Zero-shot", Value: 2. / 3, Chance: 0.5}}},
		{[]string{"x", "y", "z", "u", "v"}, []Value{
			{Name: "zeroshot_top1", Group: "Zero-shot", Value: 2. / 3, Chance: 0.2},
			{Name: "zeroshot_top5", Group: "Zero-shot", Value: 1, Chance: 1},
		}},
	} {
		e := &ZeroShotEvaluator{Source: threePictures(), Classes: c.classes, Pictures: 9}
		e.Classifier = func(context.Context) (*Classifier, error) { // picture 2 is nearest to class x
			weights := []float32{1, 0, 1, 0, 1, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0}
			return &Classifier{Classes: c.classes, Dim: 3, Weights: weights[:3*len(c.classes)]}, nil
		}
		got, err := e.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d classes: got  %+v\nwant %+v", len(c.classes), got, c.want)
		}
		described(t, e, got)
	}
}

// described checks that what was measured is what was described.
func described(t *testing.T, e Describer, got []Value) {
	t.Helper()
	d := e.Describe()
	for _, v := range got {
		v.Value, v.Chance = 0, 0
		if !slices.Contains(d.Values, v) {
			t.Errorf("%s: %+v is not described", e.Name(), v)
		}
		if v.Unit == Fraction && d.About[v.Group] == "" {
			t.Errorf("%s: nothing describes the group %q", e.Name(), v.Group)
		}
	}
}

func TestWithoutCaptionsThereIsNoRetrieval(t *testing.T) {
	e := &RetrievalEvaluator{Source: source{features: Features{Dim: 3, Images: []float32{1, 0, 0}}}, Ks: []int{1}}
	if got, err := e.Evaluate(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// The values of all evaluators come in their order; the first error ends it and names its evaluator.
func TestAllKeepsTheOrder(t *testing.T) {
	recall := &RetrievalEvaluator{Source: threePictures(), Ks: []int{1}}
	got, err := All(t.Context(), []Evaluator{recall, &ZeroShotEvaluator{Source: threePictures()}, recall})
	if err != nil || len(got) != 4 || got[0] != got[2] {
		t.Errorf("%+v, %v", got, err)
	}
	bad := errors.New("no disk")
	recall.Source = source{err: bad}
	if _, err := All(t.Context(), []Evaluator{recall}); !errors.Is(err, bad) || err.Error() != "retrieval: no disk" {
		t.Error(err)
	}
	nan := []float32{float32(math.NaN())}
	recall.Source = source{features: Features{Dim: 1, Images: nan, Captions: []string{"a"}, Texts: []float32{1}, TextImage: []int{0}}}
	if _, err := All(t.Context(), []Evaluator{recall}); err == nil {
		t.Error("a feature that is no number was evaluated")
	}
}

func TestWithoutClassesThereIsNothingToName(t *testing.T) {
	if d := (&ZeroShotEvaluator{}).Describe(); len(d.Values) > 0 {
		t.Errorf("%+v", d)
	}
}
