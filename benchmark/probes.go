package benchmark

import (
	"context"
	"fmt"
	"strings"

	"clipgo/eval/clipbenchmark"
	"clipgo/probe"
)

// linearProbe measures a probe. Of a study the metrics without a number are the means for the last number of samples per class, and the
// pictures of the cell are those of its first run.
func linearProbe(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	train, val, test, classes, err := f.sets(ctx)
	if err != nil {
		return nil, err
	}
	study := probe.Study{Protocol: s.Probe, Shots: s.Shots, Seeds: s.Seeds}
	if len(study.Shots) == 0 && s.Probe.Shots > 0 {
		study.Shots = []int{s.Probe.Shots}
	}
	runs, notes, err := study.Measure(ctx, train, val, test, len(classes))
	if err != nil {
		return nil, err
	}
	o := &outcome{classes: classes, most: s.Errors, more: map[string]any{"probe": runs}}
	if len(notes) > 0 {
		o.more["notes"], o.notes = notes, notes
	}
	last := runs[len(runs)-1]
	r := last.Results[0]
	o.metrics = probeMetrics(last)
	if len(s.Shots) > 1 || len(last.Results) > 1 {
		o.metrics = append(o.metrics, studyMetrics(runs)...)
	}
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

// probeMetrics are CLIP_benchmark's, in its order; of several seeds the means.
func probeMetrics(runs probe.Runs) []clipbenchmark.Metric {
	r := runs.Results[0]
	out := []clipbenchmark.Metric{
		{Key: "lp_acc1", Value: runs.Top1.Mean}, {Key: "lp_acc5", Value: orNaN(runs.Top5())},
		{Key: "lp_mean_per_class_recall", Value: runs.Recall.Mean},
	}
	if r.Decay != nil {
		out = append(out, clipbenchmark.Metric{Key: "weight_decay", Value: wholeOr(*r.Decay)},
			clipbenchmark.Metric{Key: "epochs", Value: r.Epochs})
	} else {
		out = append(out, clipbenchmark.Metric{Key: "C", Value: r.C})
	}
	return append(out, clipbenchmark.Metric{Key: "seed", Value: int(r.Seed)}, clipbenchmark.Metric{Key: "fewshot_k", Value: r.Shots},
		clipbenchmark.Metric{Key: "normalized", Value: r.Normalized})
}

// studyMetrics are those of each number of samples per class.
func studyMetrics(all []probe.Runs) (out []clipbenchmark.Metric) {
	out = append(out, clipbenchmark.Metric{Key: "seeds", Value: len(all[0].Results)})
	for _, r := range all {
		name := "_all"
		if r.Shots > 0 {
			name = fmt.Sprintf("_k%d", r.Shots)
		}
		out = append(out, clipbenchmark.Metric{Key: "lp_acc1" + name, Value: r.Top1.Mean},
			clipbenchmark.Metric{Key: "lp_acc1_std" + name, Value: r.Top1.Deviation},
			clipbenchmark.Metric{Key: "nearest_mean_acc1" + name, Value: r.NearestMean.Mean})
	}
	return out
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

// DINOs are the settings of DINO's evaluation by nearest neighbours.
var DINOs = probe.KNN{K: []int{20}, Temperature: 0.07}

// neighbours classifies by the nearest training samples. Metrics without a number, and the pictures of the cell, are those of the first K.
func neighbours(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	train, _, test, classes, err := f.sets(ctx)
	if err != nil {
		return nil, err
	}
	k := s.KNN
	if len(k.K) == 0 {
		k = DINOs
	}
	all, err := k.Measure(ctx, train, test)
	if err != nil {
		return nil, err
	}
	var hits strings.Builder
	full, _, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	var samples []Sample
	for i, p := range all[0].Predicted {
		samples = append(samples, Sample{Index: full.Index[i], Sample: full.Entries[i].Key, Label: classes[test.Labels[i]],
			Predicted: classes[p], Right: p == test.Labels[i]})
		if p == test.Labels[i] {
			hits.WriteByte('1')
		} else {
			hits.WriteByte('0')
		}
	}
	o := &outcome{classes: classes, hits: hits.String(), samples: samples, more: map[string]any{"knn": all}}
	o.metrics = []clipbenchmark.Metric{
		{Key: "knn_acc1", Value: all[0].Top1}, {Key: "knn_acc5", Value: orNaN(topFive(all[0].Top5, classes))}, {Key: "k", Value: all[0].K},
		{Key: "temperature", Value: k.Temperature},
	}
	if len(all) > 1 {
		for i, n := range all {
			name := fmt.Sprintf("_k%d", k.K[i]) // what was asked for: fewer samples may be all there are
			o.metrics = append(o.metrics, clipbenchmark.Metric{Key: "knn_acc1" + name, Value: n.Top1},
				clipbenchmark.Metric{Key: "knn_acc5" + name, Value: orNaN(topFive(n.Top5, classes))})
		}
	}
	return o, nil
}

// topFive is nil where it isn't defined.
func topFive(v float64, classes []string) *float64 {
	if len(classes) < 5 {
		return nil
	}
	return &v
}

// studied are a line for each number of samples per class of a few-shot study, and its notes.
func studied(e Entry) (lines []string) {
	get := func(format string, k any) (float64, bool) {
		v, _ := e.Result.Value(fmt.Sprintf(format, k))
		f, ok := v.(float64)
		return f, ok
	}
	seeds, _ := e.Result.Value("seeds")
	for _, m := range e.Result.Metrics {
		k, ok := strings.CutPrefix(m.Key, "lp_acc1_k")
		if !ok {
			continue
		}
		mean, _ := get("lp_acc1_k%s", k)
		deviation, _ := get("lp_acc1_std_k%s", k)
		near, _ := get("nearest_mean_acc1_k%s", k)
		lines = append(lines, fmt.Sprintf("  %3s per class  %6.2f %% +- %.2f (seeds: %v)   nearest class mean %6.2f %%", k, 100*mean,
			100*deviation, seeds, 100*near))
	}
	notes, _ := e.Details.More["notes"].([]any)
	for _, n := range notes {
		lines = append(lines, fmt.Sprintf("  %v", n))
	}
	return lines
}
