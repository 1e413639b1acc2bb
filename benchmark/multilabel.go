package benchmark

import (
	"context"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// multiLabelMain is the metric that stands for classification with several classes a picture.
const multiLabelMain = "mean_average_precision"

// multiLabel ranks the pictures of each class. CLIP_benchmark gives the task the name of that with one class a picture.
func multiLabel(ctx context.Context, f *features, test *pretrained.Features, info datasets.Info) (*outcome, error) {
	o := &outcome{n: len(test.Entries)}
	classifier, err := f.classifier(ctx, info, o)
	if err != nil {
		return nil, err
	}
	logits, err := classifier.Logits(test.Images)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(test, info)
	if err != nil {
		return nil, err
	}
	r, err := eval.RankLabels(logits, targets, len(info.Classes))
	if err != nil {
		return nil, err
	}
	o.metrics = []clipbenchmark.Metric{{Key: multiLabelMain, Value: r.MeanAveragePrecision}}
	o.more = map[string]any{"multi_label": r}
	return o, nil
}

// targetsOf says for each picture and class whether the picture has it.
func targetsOf(test *pretrained.Features, info datasets.Info) ([]bool, error) {
	classes := len(info.Classes)
	out := make([]bool, len(test.Entries)*classes)
	for i, e := range test.Entries {
		if e.Labels == nil {
			return nil, fault.Dataf("%s: it has no labels of several classes (npy), as other samples of %s have", e.Key, info.Name)
		}
		for _, c := range e.Labels {
			out[i*classes+c] = true
		}
	}
	return out, nil
}
