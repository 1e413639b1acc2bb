package benchmark

import (
	"context"
	"fmt"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
)

// Calibrated is the calibration of a classifier at several scales of the cosines.
type Calibrated struct {
	At100   eval.Reliability `json:"at_100"`  // CLIP_benchmark's scale
	Learned eval.Reliability `json:"learned"` // the model's own scale
	// Fitted is at 100 / Temperature, which has the least NLL on the split val; nil without that split.
	Fitted      *eval.Reliability `json:"fitted,omitempty"`
	Temperature float64           `json:"temperature,omitempty"`
	// Validation is the calibration on val at the fitted scale.
	Validation *eval.Reliability `json:"val,omitempty"`
}

// Lines are the three tables.
func (c *Calibrated) Lines() []string {
	out := append(c.At100.Lines(), c.Learned.Lines()...)
	if c.Fitted != nil {
		out = append(out, fmt.Sprintf("temperature %.4g, found on val:", c.Temperature))
		out = append(out, c.Fitted.Lines()...)
	}
	return out
}

// calibration measures how well the classifier's confidence fits its accuracy.
func calibration(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, err := classify(ctx, f, TestSplit)
	if err != nil {
		return nil, err
	}
	scale, err := f.model.LogitScale(ctx)
	if err != nil {
		return nil, err
	}
	c := &Calibrated{}
	if c.At100, err = test.reliable(eval.LogitScale); err != nil {
		return nil, err
	}
	if c.Learned, err = test.reliable(scale); err != nil {
		return nil, err
	}
	o := &outcome{classes: test.classes, templates: test.templates, most: s.Errors, more: map[string]any{"calibration": c}}
	o.metrics = append(metricsOf("", c.At100), metricsOf("_learned", c.Learned)...)
	o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "scale_learned", Value: c.Learned.Scale})
	if f.data.measured == ValSplit {
		o.notes = append(o.notes, "no temperature is fitted: val is the split that is measured")
	} else if f.data.splits[ValSplit] == "" {
		o.notes = append(o.notes, "no temperature is fitted: the data has no split val")
	} else {
		if err := c.fit(ctx, f, test); err != nil {
			return nil, err
		}
		o.metrics = append(o.metrics, metricsOf("_fitted", *c.Fitted)...)
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "temperature", Value: c.Temperature})
	}
	return o, o.judge(test.logits, test.Features)
}

// fit finds the temperature on val and applies it to test.
func (c *Calibrated) fit(ctx context.Context, f *features, test *classified) error {
	val, err := classify(ctx, f, ValSplit)
	if err != nil {
		return err
	}
	factor, err := eval.FitScale(val.logits, val.Labels, len(val.classes))
	if err != nil {
		return err
	}
	c.Temperature = 1 / factor
	onVal, err := val.reliable(eval.LogitScale * factor)
	if err != nil {
		return err
	}
	onTest, err := test.reliable(eval.LogitScale * factor)
	c.Fitted, c.Validation = &onTest, &onVal
	return err
}

// reliable is the calibration of softmax(scale * cosine).
func (c *classified) reliable(scale float64) (eval.Reliability, error) {
	r, err := eval.Reliable(c.logits, c.Labels, len(c.classes), scale/eval.LogitScale)
	r.Scale = scale
	return r, err
}

func metricsOf(suffix string, r eval.Reliability) []clipbenchmark.Metric {
	return []clipbenchmark.Metric{
		{Key: "ece" + suffix, Value: r.ECE}, {Key: "mce" + suffix, Value: r.MCE}, {Key: "ace" + suffix, Value: r.ACE},
		{Key: "brier" + suffix, Value: r.Brier}, {Key: "nll" + suffix, Value: r.NLL},
	}
}
