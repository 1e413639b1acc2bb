package benchmark

import (
	"context"
	"math"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/probe"
)

// The tasks, by CLIP_benchmark's names.
const (
	ZeroShot    = "zeroshot_classification"
	Retrieval   = "zeroshot_retrieval"
	LinearProbe = "linear_probe"
	Neighbours  = "knn"
)

// tasks are all tasks with what they need.
var tasks = map[string]struct {
	run    func(ctx context.Context, s *Suite, f *features) (*outcome, error)
	need   datasets.Need
	splits []string // all that must be there
	main   string   // the metric that stands for the task in tables
}{
	ZeroShot:    {zeroShot, datasets.NeedLabels, []string{TestSplit}, "acc1"},
	Retrieval:   {retrieval, datasets.NeedCaptions, []string{TestSplit}, "image_retrieval_recall@1"},
	LinearProbe: {linearProbe, datasets.NeedLabels, []string{TrainSplit, TestSplit}, "lp_acc1"},
	Neighbours:  {neighbours, datasets.NeedLabels, []string{TrainSplit, TestSplit}, "knn_acc1"},
}

// TaskNames are the names of all tasks, for messages.
func TaskNames() string {
	return strings.Join([]string{ZeroShot, Retrieval, LinearProbe, Neighbours}, ", ")
}

// outcome is what a task measured.
type outcome struct {
	metrics []clipbenchmark.Metric
	classes []string
	prompts []string
	// hits has a letter for each sample, 1 where it was right: a picture for classification, a caption for retrieval.
	hits     string
	perClass []eval.ClassResult
	wrong    []Mistake
	more     map[string]any // that only the details hold
}

// Mistake is a sample that was classified wrongly.
type Mistake struct {
	Sample     string  `json:"sample"`
	Label      string  `json:"label"`
	Predicted  string  `json:"predicted"`
	Confidence float64 `json:"confidence"`
}

// mistakes is the number of mistakes in a cell's details, the most confident ones.
const mistakes = 20

func zeroShot(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, info, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	o := &outcome{classes: info.Classes, prompts: f.model.Templates(info)}
	classifier, err := f.model.Classifier(ctx, o.classes, o.prompts)
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

// judge notes which samples are right, and the most confident mistakes.
func (o *outcome) judge(logits []float32, test *pretrained.Features) error {
	var hits strings.Builder
	n := len(o.classes)
	for i, label := range test.Labels {
		row := logits[i*n : (i+1)*n]
		best, confidence := eval.Predict(row)
		if best == label {
			hits.WriteByte('1')
			continue
		}
		hits.WriteByte('0')
		o.remember(Mistake{test.Entries[i].Key, o.classes[label], o.classes[best], confidence})
	}
	o.hits = hits.String()
	return nil
}

// remember keeps a mistake if it is one of the most confident; of equal ones the earlier.
func (o *outcome) remember(m Mistake) {
	at := len(o.wrong)
	for at > 0 && o.wrong[at-1].Confidence < m.Confidence {
		at--
	}
	if at == mistakes {
		return
	}
	o.wrong = append(o.wrong, Mistake{})
	copy(o.wrong[at+1:], o.wrong[at:])
	o.wrong[at] = m
	o.wrong = o.wrong[:min(len(o.wrong), mistakes)]
}

func retrieval(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, _, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	byText, byImage := make([][]int, len(test.TextImage)), make([][]int, len(test.Index))
	for text, image := range test.TextImage {
		byText[text] = []int{image}
		byImage[image] = append(byImage[image], text)
	}
	images, err := eval.RankAnswers(test.Texts, test.Images, test.Dim, byText)
	if err != nil {
		return nil, err
	}
	texts, err := eval.RankAnswers(test.Images, test.Texts, test.Dim, byImage)
	if err != nil {
		return nil, err
	}
	o := &outcome{hits: images.Hits(), more: map[string]any{"pictures_by_captions": images, "captions_by_pictures": texts}}
	for _, k := range s.Recalls {
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: eval.ImageRecallName(k), Value: images.Recall(k)},
			clipbenchmark.Metric{Key: eval.TextRecallName(k), Value: texts.Recall(k)})
	}
	return o, nil
}

func linearProbe(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	train, val, test, classes, err := f.sets(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Probe.Measure(ctx, train, val, test, len(classes))
	if err != nil {
		return nil, err
	}
	o := &outcome{classes: classes, more: map[string]any{"probe": r}}
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
