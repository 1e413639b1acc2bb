package benchmark

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// classified is a split with the logits of the zero-shot classifier.
type classified struct {
	classes   []string
	templates any // as those of an outcome
	logits    []float32
	*pretrained.Features
	count *eval.Accuracy
}

// classify applies the zero-shot classifier to a split whose pictures have one class each.
func classify(ctx context.Context, f *features, split string) (*classified, error) {
	got, info, err := f.of(ctx, split)
	if err != nil {
		return nil, err
	}
	if err := oneClassEach(info); err != nil {
		return nil, err
	}
	o := &outcome{}
	classifier, err := f.classifier(ctx, info, o)
	if err != nil {
		return nil, err
	}
	c := &classified{classes: o.classes, templates: o.templates, Features: got, count: eval.NewAccuracy(len(o.classes))}
	if c.logits, err = classifier.Logits(got.Images); err != nil {
		return nil, err
	}
	if err := c.count.Add(c.logits, got.Labels); err != nil {
		return nil, c.wrongLabel(info, err)
	}
	return c, nil
}

// oneClassEach refuses data whose pictures have several classes each.
func oneClassEach(info datasets.Info) error {
	if info.Type == datasets.MultiLabelType {
		return fault.Dataf("%s: its pictures have several classes each", info.Name)
	}
	return nil
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
	test, info, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	if info.Type == datasets.MultiLabelType {
		return multiLabel(ctx, f, test, info)
	}
	c, err := classify(ctx, f, TestSplit)
	if err != nil {
		return nil, err
	}
	r := c.count.Result()
	o := &outcome{classes: c.classes, templates: c.templates, most: s.Errors, chance: &r.Chance}
	o.metrics = []clipbenchmark.Metric{
		{Key: "acc1", Value: r.Top1}, {Key: "acc5", Value: orNaN(r.Top5)}, {Key: "mean_per_class_recall", Value: r.MeanPerClassRecall},
	}
	o.perClass = c.count.ByClass(c.classes)
	f.noteEmpty(o.perClass)
	if err := o.judge(c.logits, c.Features); err != nil {
		return nil, err
	}
	calibration, err := c.reliable(eval.LogitScale)
	o.more = map[string]any{"calibration": calibration, "top3": c.count.Top(3), "top10": c.count.Top(10), "macro_f1": c.count.MacroF1()}
	if len(c.classes) <= wholeConfusion {
		o.more["confusion"] = c.count.Confusion()
	}
	if err != nil {
		return nil, err
	}
	return o, o.group(f.data.Name, c)
}

// wholeConfusion is the number of classes up to which the details have the whole confusion matrix.
const wholeConfusion = 50

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
