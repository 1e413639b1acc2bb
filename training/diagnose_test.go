package training

import (
	"math"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/training/record"
)

// diagnosed gives a diagnosis of batches of 8 the losses of some steps; each is of n pairs.
func diagnosed(t *testing.T, d *Diagnosis, n int, losses ...float64) {
	t.Helper()
	d.Batch, d.MaxScale, d.Schedule.Steps = 8, 100, 100
	for i, loss := range losses {
		parts := Parts{Loss: loss, Scale: 1, Extra: []Named{{Name: "contrastive_loss", Value: loss / 2}}}
		e := Event{Stats: Stats{Step: i + 1, Parts: parts}, Batch: &datasets.Batch{N: n}}
		if err := d.After(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// said joins the findings of a kind.
func said(d *Diagnosis, kind record.Kind) string {
	var all []string
	for _, f := range d.Findings() {
		if f.Kind == kind {
			all = append(all, f.Text)
		}
	}
	return strings.Join(all, "\n")
}

// TestALossOfFewerPairsIsNotJudged ends with a batch of 2 pairs, whose loss is on another scale.
func TestALossOfFewerPairsIsNotJudged(t *testing.T) {
	d := &Diagnosis{}
	diagnosed(t, d, 8, 2, 1.5)
	want := said(d, record.Good)
	diagnosed(t, d, 2, 0.1, 0.1)
	if got := said(d, record.Good); got != want || d.Loss() < 1.5 {
		t.Errorf("%q became %q", want, got)
	}
	few := &Diagnosis{}
	if diagnosed(t, few, 2, 0.1); said(few, record.Good)+said(few, record.Note) != "" {
		t.Errorf("of partial batches alone: %v", few.Findings())
	}
}

// TestAModelThatLearnsIsNotSaidToHaveNotStarted has a high loss, with and without measurements.
func TestAModelThatLearnsIsNotSaidToHaveNotStarted(t *testing.T) {
	for learned, want := range map[string]record.Kind{"": record.Warning, "zeroshot_top1 is 66.0 %": record.Note} {
		d := &Diagnosis{Learned: func() string { return learned }}
		diagnosed(t, d, 8, 9, 9)
		if text := said(d, want); !strings.Contains(text, "the loss is 9.000") || !strings.Contains(text, learned) {
			t.Errorf("%q: %v", learned, d.Findings())
		}
		if text := said(d, record.Warning); learned != "" && text != "" {
			t.Errorf("%q: warned: %s", learned, text)
		}
	}
}

// TestAPartOfTheLossIsNamed judges a term of the loss, which another line gives as a whole.
func TestAPartOfTheLossIsNamed(t *testing.T) {
	d := &Diagnosis{Part: "contrastive_loss"}
	diagnosed(t, d, 8, 3, 3)
	if text := said(d, record.Good); !strings.HasPrefix(text, "the contrastive loss went from 1.500 to 1.500") {
		t.Errorf("got %q", text)
	}
}

func TestMemorizedIsALossFarBelowGuessing(t *testing.T) {
	for loss, want := range map[float64]bool{0.04 * math.Log(8): true, 0.06 * math.Log(8): false} {
		d := &Diagnosis{}
		if diagnosed(t, d, 8, loss); d.Memorized() != want {
			t.Errorf("%g: memorized %t", loss, d.Memorized())
		}
	}
}
