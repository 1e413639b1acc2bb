package training

import (
	"context"
	"fmt"
	"math"
	"strings"

	"clipgo/internal/optim"
	"clipgo/training/record"
)

// Diagnosis is a hook that watches a training for common mistakes.
type Diagnosis struct {
	Schedule optim.Schedule
	Batch    int  // pairs in a full batch that are contrasted with each other; 0 for a loss without negatives
	Dedup    bool // equal captions of a batch are not treated as negatives
	MaxScale float64
	Part     string  // name of the loss term to judge; empty: the whole loss
	Chance   float64 // loss of guessing, if it isn't ln(Batch) as for a contrastive loss
	// Learned tells by measurements that the model learns, whatever its loss; empty if they don't; nil: there are none.
	Learned func() string
	// Estimated marks a policy-gradient loss: its value has no level of guessing, and a step waits while its data are generated.
	Estimated bool

	steps, atClamp, bad int
	known               int // steps that were not skipped and whose numbers were read
	judged              int // those with a full batch: the loss of fewer pairs is on another scale
	pairs, duplicates   int64
	shortened           int64
	firstLoss, emaLoss  float64
	wait, took          float64
}

// BeforeRun lists the findings before the first step.
func (d *Diagnosis) BeforeRun() []record.Finding {
	var out []record.Finding
	if s := d.Schedule; s.Warmup >= s.Steps && s.Steps > 0 {
		out = append(out, record.Finding{Kind: record.Warning, Text: fmt.Sprintf("the warm-up of %d steps is as long as the run of %d "+
			"or longer: the learning rate never reaches its full value", s.Warmup, s.Steps)})
	}
	if d.Batch > 0 && d.Batch < 8 {
		out = append(out, record.Finding{Kind: record.Warning, Text: fmt.Sprintf("a batch of %d pairs gives each picture %d negatives: "+
			"contrastive learning needs hundreds", d.Batch, d.Batch-1)})
	}
	return out
}

// Loss is the moving average over about the last twenty steps whose numbers were read, as in Findings; 0 before the first step.
func (d *Diagnosis) Loss() float64 { return d.emaLoss }

// After adds a step to the statistics.
func (d *Diagnosis) After(_ context.Context, e Event) error {
	if e.Replayed {
		return nil
	}
	d.steps++
	if e.Skipped {
		d.bad++
		return nil
	}
	if !e.Pending {
		d.read(e)
	}
	d.pairs += int64(e.Batch.N)
	d.duplicates += int64(duplicated(e.Batch.Captions))
	d.shortened += int64(e.Batch.Shortened)
	d.wait += e.Wait.Seconds()
	d.took += e.Took.Seconds()
	return nil
}

// read adds a step's numbers to the statistics.
func (d *Diagnosis) read(e Event) {
	d.known++
	if e.Scale >= d.MaxScale*0.999 {
		d.atClamp++
	}
	if e.Batch.N < d.Batch {
		return
	}
	loss := e.Part(d.Part)
	if d.judged++; d.judged == 1 {
		d.firstLoss, d.emaLoss = loss, loss
	}
	const memory = 0.95 // about the last twenty steps
	d.emaLoss = memory*d.emaLoss + (1-memory)*loss
}

// duplicated counts the captions that equal an earlier one of the batch.
func duplicated(captions []string) int {
	seen := make(map[string]bool, len(captions))
	for _, c := range captions {
		seen[c] = true
	}
	return len(captions) - len(seen)
}

// Findings lists the findings of the steps so far.
func (d *Diagnosis) Findings() []record.Finding {
	out := d.BeforeRun()
	if d.steps == 0 {
		return out
	}
	if !d.Estimated && d.judged > 0 {
		out = append(out, d.learning())
	}
	if share := float64(d.atClamp) / float64(max(d.known+d.bad, 1)); share > 0.2 {
		out = append(out, record.Finding{Kind: record.Warning,
			Text: fmt.Sprintf("the logit scale was limited to %g in %.0f %% of the steps; more data or regularization helps",
				d.MaxScale, 100*share)})
	}
	if share := float64(d.duplicates) / float64(max(d.pairs, 1)); share > 0.02 && d.Batch > 0 && !d.Dedup {
		out = append(out, record.Finding{Kind: record.Note, Text: fmt.Sprintf("%.1f %% of the captions occurred more than once in "+
			"their batch, so matching pairs are treated as negatives; try objective siglip with dedup_targets", 100*share)})
	}
	if d.shortened > 0 {
		out = append(out, record.Finding{Kind: record.Note,
			Text: fmt.Sprintf("%d of %d captions were longer than the context and were cut", d.shortened, d.pairs)})
	}
	if d.bad > 0 {
		out = append(out, record.Finding{Kind: record.Warning, Text: fmt.Sprintf("%d of %d steps had a loss or gradient that was not "+
			"finite and were left out", d.bad, d.steps)})
	}
	if share := d.wait / max(d.wait+d.took, 1e-9); share > 0.2 && !d.Estimated {
		out = append(out, record.Finding{Kind: record.Warning, Text: fmt.Sprintf("%.0f %% of the time went into waiting for data: more "+
			"workers, or smaller pictures, would help", 100*share)})
	}
	return out
}

// learning compares the loss with that of guessing, which is ln(batch) for a contrastive model.
func (d *Diagnosis) learning() record.Finding {
	chance := d.guess()
	guessing := fmt.Sprintf("guessing gives %.3f", chance)
	if d.Chance == 0 {
		guessing = fmt.Sprintf("guessing gives ln(%d) = %.3f", d.Batch, chance)
	}
	learned := ""
	if d.Learned != nil {
		learned = d.Learned()
	}
	switch {
	case d.emaLoss > 0.97*chance && learned != "":
		return record.Finding{Kind: record.Note, Text: fmt.Sprintf("%s is %.3f, and %s, but %s: with equal captions in a batch the loss "+
			"can stay high while the model learns", d.lossName(), d.emaLoss, guessing, learned)}
	case d.emaLoss > 0.97*chance:
		return record.Finding{Kind: record.Warning, Text: fmt.Sprintf("%s is %.3f, and %s: the model has not started to learn; try "+
			"another learning rate, or more steps", d.lossName(), d.emaLoss, guessing)}
	case d.Memorized():
		return record.Finding{Kind: record.Note, Text: fmt.Sprintf("%s is %.3f, where guessing gives %.3f: nearly every pair is "+
			"matched; watch the validation for overfitting", d.lossName(), d.emaLoss, chance)}
	default:
		return record.Finding{Kind: record.Good, Text: fmt.Sprintf("%s went from %.3f to %.3f; %s", d.lossName(), d.firstLoss, d.emaLoss,
			guessing)}
	}
}

// guess is the loss of guessing.
func (d *Diagnosis) guess() float64 {
	if d.Chance != 0 {
		return d.Chance
	}
	return math.Log(float64(d.Batch))
}

// Memorized reports whether nearly every pair of a batch is matched.
func (d *Diagnosis) Memorized() bool { return d.judged > 0 && d.emaLoss < 0.05*d.guess() }

// lossName is what is judged: a part of the loss that is minimized, or all of it.
func (d *Diagnosis) lossName() string {
	if d.Part == "" {
		return "the loss"
	}
	return "the " + strings.ReplaceAll(d.Part, "_", " ")
}
