package benchmark

import (
	"context"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/pretrained"
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
	// templates are a []string, or the prompts of each class as a clipbenchmark.Object; nil without classes.
	templates any
	samples   int // used, if hits is empty
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
