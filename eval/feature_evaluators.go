package eval

import (
	"context"
	"fmt"
)

// Features are the features of a source's pictures and of all their captions.
type Features struct {
	Dim       int
	Images    []float32 // [n, Dim]
	Labels    []int     // [n], the class of each picture
	Captions  []string  // [m], in the order of their pictures
	Texts     []float32 // [m, Dim]
	TextImage []int     // [m], the row of each caption's picture
}

// FeatureSource computes features at the first call of an evaluation and keeps them for the evaluators that follow.
type FeatureSource interface {
	Features(ctx context.Context) (*Features, error)
}

// The names of a ZeroShotEvaluator's values.
const (
	ZeroShotTop1 = "zeroshot_top1"
	ZeroShotTop5 = "zeroshot_top5"
)

// ImageRecallName is the name of a RetrievalEvaluator's recall at k of pictures by captions.
func ImageRecallName(k int) string { return fmt.Sprintf("image_retrieval_recall@%d", k) }

// TextRecallName is the name of a RetrievalEvaluator's recall at k of captions by pictures.
func TextRecallName(k int) string { return fmt.Sprintf("text_retrieval_recall@%d", k) }

// The headings of the report's charts.
const (
	picturesByCaptions = "Pictures by captions"
	captionsByPictures = "Captions by pictures"
	zeroShotGroup      = "Zero-shot"
)

// RetrievalEvaluator measures the recall at each of Ks in both directions, as Retrieve does.
type RetrievalEvaluator struct {
	Source   FeatureSource
	Ks       []int
	Pictures int // in the source, for Describe
}

// Name is retrieval.
func (e *RetrievalEvaluator) Name() string { return "retrieval" }

// Measure returns the recalls.
func (e *RetrievalEvaluator) Measure(ctx context.Context) (Retrieval, error) {
	f, err := e.Source.Features(ctx)
	if err != nil {
		return Retrieval{}, err
	}
	return Retrieve(f.Images, f.Texts, f.Dim, f.TextImage, e.Ks)
}

// Evaluate returns the recalls as values; none without captions.
func (e *RetrievalEvaluator) Evaluate(ctx context.Context) ([]Value, error) {
	f, err := e.Source.Features(ctx)
	if err != nil || len(f.Captions) == 0 {
		return nil, err
	}
	r, err := e.Measure(ctx)
	if err != nil {
		return nil, err
	}
	return bothSides(r), nil
}

// Describe names the values.
func (e *RetrievalEvaluator) Describe() Description {
	var r Retrieval
	for _, k := range e.Ks {
		r.Image, r.Text = append(r.Image, Recall{K: k}), append(r.Text, Recall{K: k})
	}
	return Description{
		Values: bothSides(r),
		About: map[string]string{
			picturesByCaptions: fmt.Sprintf("Share of captions whose picture is among the first K of %d pictures.", e.Pictures),
			captionsByPictures: fmt.Sprintf(
				"Share of %d pictures that have one of their captions among the first K of all captions.", e.Pictures),
		},
	}
}

// bothSides are the recalls as values, pictures first.
func bothSides(r Retrieval) []Value {
	return append(recallValues(ImageRecallName, picturesByCaptions, r.Image), recallValues(TextRecallName, captionsByPictures, r.Text)...)
}

func recallValues(name func(k int) string, group string, recalls []Recall) []Value {
	var out []Value
	for _, r := range recalls {
		out = append(out, Value{Name: name(r.K), Group: group, Value: r.Value, Chance: r.Chance})
	}
	return out
}

// ZeroShotEvaluator measures zero-shot classification.
type ZeroShotEvaluator struct {
	Source     FeatureSource
	Classes    []string // none: there is nothing to measure
	Classifier func(ctx context.Context) (*Classifier, error)
	Pictures   int // in the source, for Describe
}

// Name is zero-shot.
func (e *ZeroShotEvaluator) Name() string { return "zero-shot" }

// Measure returns the accuracies.
func (e *ZeroShotEvaluator) Measure(ctx context.Context) (ZeroShot, error) {
	f, err := e.Source.Features(ctx)
	if err != nil {
		return ZeroShot{}, err
	}
	classifier, err := e.Classifier(ctx)
	if err != nil {
		return ZeroShot{}, err
	}
	logits, err := classifier.Logits(f.Images)
	if err != nil {
		return ZeroShot{}, err
	}
	count := NewAccuracy(len(e.Classes))
	if err := count.Add(logits, f.Labels); err != nil {
		return ZeroShot{}, err
	}
	return count.Result(), nil
}

// Evaluate returns the accuracies as values; none without classes.
func (e *ZeroShotEvaluator) Evaluate(ctx context.Context) ([]Value, error) {
	if len(e.Classes) == 0 {
		return nil, nil
	}
	r, err := e.Measure(ctx)
	if err != nil {
		return nil, err
	}
	out := []Value{{Name: ZeroShotTop1, Group: zeroShotGroup, Value: r.Top1, Chance: r.Chance}}
	if r.Top5 != nil {
		out = append(out, Value{Name: ZeroShotTop5, Group: zeroShotGroup, Value: *r.Top5, Chance: 5 * r.Chance})
	}
	return out, nil
}

// Describe names the values; none without classes.
func (e *ZeroShotEvaluator) Describe() Description {
	if len(e.Classes) == 0 {
		return Description{}
	}
	return Description{
		Values: []Value{{Name: ZeroShotTop1, Group: zeroShotGroup}, {Name: ZeroShotTop5, Group: zeroShotGroup}},
		About: map[string]string{
			zeroShotGroup: fmt.Sprintf("Share of %d pictures whose class is named, among %d classes.", e.Pictures, len(e.Classes)),
		},
	}
}
