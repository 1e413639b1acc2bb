package benchmark

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
)

func zeroShot(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, info, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	if info.Type == datasets.MultiLabelType {
		return multiLabel(ctx, f, test, info)
	}
	o := &outcome{}
	classifier, err := f.classifier(ctx, info, o)
	if err != nil {
		return nil, err
	}
	logits, err := classifier.Logits(test.Images)
	if err != nil {
		return nil, err
	}
	count := eval.NewAccuracy(len(o.classes))
	if err := count.Add(logits, test.Labels); err != nil {
		return nil, fault.Dataf("%s: %v", info.Name, err)
	}
	r := count.Result()
	o.metrics = []clipbenchmark.Metric{
		{Key: "acc1", Value: r.Top1}, {Key: "acc5", Value: orNaN(r.Top5)}, {Key: "mean_per_class_recall", Value: r.MeanPerClassRecall},
	}
	o.perClass = count.ByClass(o.classes)
	f.noteEmpty(o.perClass)
	if err := o.judge(logits, test); err != nil {
		return nil, err
	}
	calibration, err := eval.Reliable(logits, test.Labels, len(o.classes), 1)
	o.more = map[string]any{"calibration": calibration, "top3": count.Top(3), "top10": count.Top(10), "macro_f1": count.MacroF1()}
	return o, err
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
