package benchmark

import (
	"context"
	"fmt"
	"math"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// classified is a split with the logits of the zero-shot classifier.
type classified struct {
	classes, prompts []string
	logits           []float32
	*pretrained.Features
	count *eval.Accuracy
}

// classify applies the zero-shot classifier to a split.
func classify(ctx context.Context, f *features, split string) (*classified, error) {
	got, info, err := f.of(ctx, split)
	if err != nil {
		return nil, err
	}
	c := &classified{classes: info.Classes, prompts: f.model.Templates(info), Features: got, count: eval.NewAccuracy(len(info.Classes))}
	classifier, err := f.model.Classifier(ctx, c.classes, c.prompts)
	if err != nil {
		return nil, err
	}
	if c.logits, err = classifier.Logits(got.Images); err != nil {
		return nil, err
	}
	if err := c.count.Add(c.logits, got.Labels); err != nil {
		return nil, c.wrongLabel(info, err)
	}
	return c, nil
}

// wrongLabel names the sample whose label no class has.
func (c *classified) wrongLabel(info datasets.Info, err error) error {
	for i, label := range c.Labels {
		if label < 0 || label >= len(c.classes) {
			return fault.Dataf("%s: %s: label %d is not below the number of classes, %d", info.Name, c.Entries[i].Key, label,
				len(c.classes))
		}
	}
	return fault.Dataf("%s: %v", info.Name, err)
}

func zeroShot(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	c, err := classify(ctx, f, TestSplit)
	if err != nil {
		return nil, err
	}
	r := c.count.Result()
	o := &outcome{classes: c.classes, prompts: c.prompts, most: s.Errors, chance: &r.Chance}
	o.metrics = []clipbenchmark.Metric{
		{Key: "acc1", Value: r.Top1}, {Key: "acc5", Value: orNaN(r.Top5)}, {Key: "mean_per_class_recall", Value: r.MeanPerClassRecall},
	}
	o.perClass = c.count.ByClass(c.classes)
	if absent := absentClasses(o.perClass); absent > 0 {
		o.notes = append(o.notes, fmt.Sprintf("%d of %d classes have no sample; they are no part of mean_per_class_recall", absent,
			len(c.classes)))
	}
	if err := o.judge(c.logits, c.Features); err != nil {
		return nil, err
	}
	calibration, err := c.reliable(eval.LogitScale)
	o.more = map[string]any{"calibration": calibration, "top3": c.count.Top(3), "top10": c.count.Top(10), "macro_f1": c.count.MacroF1()}
	if len(c.classes) <= wholeConfusion {
		o.more["confusion"] = c.count.Confusion()
	}
	return o, err
}

// wholeConfusion is the number of classes up to which the details have the whole confusion matrix.
const wholeConfusion = 50

func absentClasses(all []eval.ClassResult) (n int) {
	for _, c := range all {
		if c.N == 0 {
			n++
		}
	}
	return n
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
