package eval

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
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

// All scores of the fixtures from their stored words, of each picture too; and from the captions as they were written.
func TestGoldenBenchmarkCaptions(t *testing.T) {
	type scores struct {
		Bleu1 float64 `json:"Bleu_1"`
		Bleu2 float64 `json:"Bleu_2"`
		Bleu3 float64 `json:"Bleu_3"`
		Bleu4 float64 `json:"Bleu_4"`
		ROUGE float64 `json:"ROUGE_L"`
		CIDEr float64
	}
	type line struct {
		scores
		References []string
		Words      []string `json:"references_tokenized"`
		Candidate  string
		Tokenized  string `json:"candidate_tokenized"`
	}
	dir, figures := benchmark[float64](t, "captioning")
	const tolerance = 1e-6
	same := func(what string, got Captions, want scores) {
		t.Helper()
		for name, pair := range map[string][2]float64{
			"BLEU-1": {got.BLEU1, want.Bleu1}, "BLEU-2": {got.BLEU2, want.Bleu2}, "BLEU-3": {got.BLEU3, want.Bleu3},
			"BLEU-4": {got.BLEU4, want.Bleu4}, "ROUGE-L": {got.ROUGEL, want.ROUGE},
		} {
			number(t, what+" "+name, pair[0], pair[1], tolerance)
		}
	}
	var all []cooked
	var raw []Described
	lines := golden.Lines[line](t, filepath.Join(dir, "details", "captions.jsonl"))
	for _, l := range lines {
		c := cooked{caption: strings.Fields(l.Tokenized)}
		for _, r := range l.Words {
			c.references = append(c.references, strings.Fields(r))
		}
		var own Captions
		own.score([]cooked{c})
		same(l.Candidate, own, l.scores)
		all, raw = append(all, c), append(raw, Described{l.Candidate, l.References})
	}
	for i, v := range cider(all) {
		number(t, lines[i].Candidate+" CIDEr", v, lines[i].CIDEr, tolerance)
	}
	want := scores{Bleu1: figures["Bleu_1"], Bleu2: figures["Bleu_2"], Bleu3: figures["Bleu_3"], Bleu4: figures["Bleu_4"],
		ROUGE: figures["ROUGE_L"]}
	var stored Captions
	stored.score(all)
	same("stored words", stored, want)
	number(t, "CIDEr", stored.CIDEr, figures["CIDEr"], tolerance)
	own, err := ScoreCaptions(raw)
	if err != nil || own.N != int(figures["n"]) {
		t.Fatalf("%d captions, %v", own.N, err)
	}
	same("captions", own, want)
	number(t, "CIDEr of captions", own.CIDEr, figures["CIDEr"], tolerance)
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
