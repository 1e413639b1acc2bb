package benchmark

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/pretrained"
)

// The tasks, by CLIP_benchmark's names where it has them.
const (
	ZeroShot    = "zeroshot_classification"
	Retrieval   = "zeroshot_retrieval"
	LinearProbe = "linear_probe"
	Neighbours  = "knn"
	Selection   = "image_caption_selection"
	Calibration = "calibration"
	Captioning  = "captioning"
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
	Selection:   {selection, datasets.NeedCaptions, []string{TestSplit}, "acc"},
	Calibration: {calibration, datasets.NeedLabels, []string{TestSplit}, "ece"},
	Captioning:  {captions, datasets.NeedCaptions, []string{TestSplit}, "CIDEr"},
}

// TaskNames are the names of all tasks as a text.
func TaskNames() string {
	return strings.Join([]string{ZeroShot, Retrieval, LinearProbe, Neighbours, Selection, Calibration}, ", ") + " and " + Captioning
}

// outcome is what a task measured.
type outcome struct {
	metrics []clipbenchmark.Metric
	classes []string
	// templates are a []string, or the prompts of each class as a clipbenchmark.Object; nil without classes.
	templates any
	// hits has a letter for each sample, 1 where it was right: a picture for classification, a caption for retrieval.
	hits     string
	samples  []Sample // the same with names; nil: the task does not say
	confused []Confusion
	perClass []eval.ClassResult
	wrong    []Mistake
	most     int // of them; 0: mistakes
	notes    []string
	more     map[string]any // that only the details hold
	// chance is the value of guessing for the metric that stands for the task; nil if it is unknown.
	chance *float64
	// passed is the number of samples that were passed over, of a task that counts them itself; nil: the pictures that can't be used.
	passed *int
	share  float64 // of them, as the largest allowed share bounds it
	n      int     // samples, of a task without hits
	// recalls are those of retrieval, with chance.
	recalls *eval.Retrieval
	scores  *captioning.Scores // of captioning
}

// skipped is the number of samples of the test split that the task couldn't use.
func (o *outcome) skipped(f *features) int {
	if o.passed != nil {
		return *o.passed
	}
	return f.skipped[TestSplit]
}

// Mistake is a sample that was classified wrongly, or the wrong picture that a caption found.
type Mistake struct {
	Index      int     `json:"index"` // in the split
	Sample     string  `json:"sample"`
	Label      string  `json:"label"` // the right class, or the caption
	Predicted  string  `json:"predicted,omitempty"`
	Confidence float64 `json:"confidence"`        // of a retrieval: the cosine
	Picture    string  `json:"picture,omitempty"` // file name of its small copy; empty: there is none
	// Answer is the right picture of a retrieval.
	Answer *Answer `json:"answer,omitempty"`
}

// Answer is the picture that a caption should have found.
type Answer struct {
	Index   int     `json:"index"`
	Sample  string  `json:"sample"`
	Cosine  float64 `json:"cosine"`
	Picture string  `json:"picture,omitempty"`
}

// mistakes is the number of mistakes in a cell's details unless Suite.Errors says another.
const mistakes = 20

// judge notes which samples are right, the most confident mistakes and the classes that were confused most often.
func (o *outcome) judge(logits []float32, test *pretrained.Features) error {
	var hits strings.Builder
	n := len(o.classes)
	wrong := map[[2]int]int{}
	for i, label := range test.Labels {
		row := logits[i*n : (i+1)*n]
		best, confidence := eval.Predict(row)
		key, right := test.Entries[i].Key, best == label
		o.samples = append(o.samples, Sample{
			Index: test.Index[i], Sample: key, Label: o.classes[label], Predicted: o.classes[best], Confidence: confidence, Right: right,
		})
		if right {
			hits.WriteByte('1')
			continue
		}
		hits.WriteByte('0')
		wrong[[2]int{label, best}]++
		o.remember(Mistake{
			Index: test.Index[i], Sample: key, Label: o.classes[label], Predicted: o.classes[best], Confidence: confidence,
		})
	}
	o.hits = hits.String()
	o.confuse(wrong)
	return nil
}

// confusions is the number of pairs of classes in a cell's details.
const confusions = matrixClasses * (matrixClasses - 1)

// confuse keeps the pairs of classes, right and predicted, that were confused most often; of equal ones those of lower numbers.
func (o *outcome) confuse(wrong map[[2]int]int) {
	pairs := slices.SortedFunc(maps.Keys(wrong), func(a, b [2]int) int {
		return cmp.Or(cmp.Compare(wrong[b], wrong[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	for _, p := range pairs[:min(len(pairs), confusions)] {
		o.confused = append(o.confused, Confusion{o.classes[p[0]], o.classes[p[1]], wrong[p]})
	}
}

// remember keeps a mistake if it is one of the most confident; of equal ones the earlier.
func (o *outcome) remember(m Mistake) {
	at := len(o.wrong)
	for at > 0 && o.wrong[at-1].Confidence < m.Confidence {
		at--
	}
	most := o.most
	if most == 0 {
		most = mistakes
	}
	if at >= most {
		return
	}
	o.wrong = slices.Insert(o.wrong, at, m)
	o.wrong = o.wrong[:min(len(o.wrong), most)]
}
