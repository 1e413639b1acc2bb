package eval

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// Tolerance: both sum in float64; their n-grams come in another order.
func TestGoldenCaptionScoresAreCOCOs(t *testing.T) {
	type sample struct {
		Caption    string   `json:"caption"`
		References []string `json:"references"`
	}
	type cases struct {
		Samples []sample `json:"samples"`
		BLEU4   float64  `json:"bleu_4"`
		CIDEr   float64  `json:"cider"`
	}
	for i, c := range golden.Lines[cases](t, filepath.Join(golden.Dir(t, "captions"), "cases.jsonl")) {
		var all []Described
		for _, s := range c.Samples {
			all = append(all, Described(s))
		}
		got, err := ScoreCaptions(all)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.BLEU4-c.BLEU4) > 1e-9 || math.Abs(got.CIDEr-c.CIDEr) > 1e-9 {
			t.Errorf("case %d, %d captions: BLEU-4 %.10f, CIDEr %.10f; want %.10f, %.10f", i, len(all), got.BLEU4, got.CIDEr, c.BLEU4,
				c.CIDEr)
		}
	}
}

func TestPunctuationAndCaseDoNotCount(t *testing.T) {
	for caption, want := range map[string][]string{
		"Two large, blue stars.":   {"two", "large", "blue", "stars"},
		"the dog's T-shirt -- old": {"the", "dog", "'s", "t-shirt", "old"},
		"!?":                       nil,
		"a 'quoted' word":          {"a", "'quoted", "word"},
	} {
		if got := captionWords(caption); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", caption, got, want)
		}
	}
}

func TestEmptyCaptionsAreCounted(t *testing.T) {
	got, err := ScoreCaptions([]Described{{"", []string{"a dog"}}, {"a dog", []string{"a dog"}}})
	if err != nil || got.Empty != 1 || got.MeanWords != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ScoreCaptions([]Described{{"a dog", nil}}); !errors.Is(err, ErrNoReferences) {
		t.Errorf("without references: %v", err)
	}
}

// Angles of 0, 60, 120 degrees: 2.5 times 1, 1/2 and 0.
func TestCLIPScoreOfKnownAngles(t *testing.T) {
	images := []float32{2, 0, 1, 0, 1, 0}
	captions := []float32{5, 0, 0.5, 0.8660254, -0.5, 0.8660254}
	if got, want := CLIPScore(images, captions, 2), 2.5*(1+0.5+0)/3; math.Abs(got-want) > 1e-6 {
		t.Errorf("%g, want %g", got, want)
	}
}
