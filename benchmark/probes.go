package benchmark

import (
	"context"
	"strings"

	"clipgo/eval/clipbenchmark"
	"clipgo/probe"
)

func linearProbe(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	train, val, test, classes, err := f.sets(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Probe.Measure(ctx, train, val, test, len(classes))
	if err != nil {
		return nil, err
	}
	o := &outcome{classes: classes, most: s.Errors, more: map[string]any{"probe": r}}
	o.metrics = []clipbenchmark.Metric{
		{Key: "lp_acc1", Value: r.Top1}, {Key: "lp_acc5", Value: orNaN(r.Top5)},
		{Key: "lp_mean_per_class_recall", Value: r.MeanPerClassRecall},
	}
	if r.Decay != nil {
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "weight_decay", Value: wholeOr(*r.Decay)},
			clipbenchmark.Metric{Key: "epochs", Value: r.Epochs})
	} else {
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "C", Value: r.C})
	}
	o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "seed", Value: int(r.Seed)},
		clipbenchmark.Metric{Key: "fewshot_k", Value: r.Shots}, clipbenchmark.Metric{Key: "normalized", Value: r.Normalized})
	logits, err := r.Head.Logits(ctx, prepared(test, r.Normalized).Features)
	if err != nil {
		return nil, err
	}
	full, _, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	return o, o.judge(logits, full)
}

// wholeOr is 0 as a whole number, which CLIP_benchmark writes for no weight decay.
func wholeOr(v float64) any {
	if v == 0 {
		return 0
	}
	return v
}

func prepared(s probe.Set, normalized bool) probe.Set {
	if normalized {
		return s.Normalized()
	}
	return s
}

// near are the settings of DINO's evaluation.
var near = probe.KNN{K: 20, Temperature: 0.07}

func neighbours(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	train, _, test, classes, err := f.sets(ctx)
	if err != nil {
		return nil, err
	}
	k := near
	k.K = min(k.K, train.Len())
	predicted, err := k.Predict(ctx, train, test.Features)
	if err != nil {
		return nil, err
	}
	var hits strings.Builder
	right := 0
	for i, p := range predicted {
		if p == test.Labels[i] {
			right++
			hits.WriteByte('1')
		} else {
			hits.WriteByte('0')
		}
	}
	return &outcome{classes: classes, hits: hits.String(), metrics: []clipbenchmark.Metric{
		{Key: "knn_acc1", Value: float64(right) / float64(len(predicted))}, {Key: "k", Value: k.K},
		{Key: "temperature", Value: k.Temperature},
	}}, nil
}
