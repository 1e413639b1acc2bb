package benchmark

import (
	"context"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
)

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
	for text, image := range test.TextImage {
		o.samples = append(o.samples, Sample{
			Index: test.Index[image], Sample: test.Entries[image].Key, Text: test.Captions[text], Right: o.hits[text] == '1',
		})
	}
	o.miss(test)
	for _, k := range s.Recalls {
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: eval.ImageRecallName(k), Value: images.Recall(k)},
			clipbenchmark.Metric{Key: eval.TextRecallName(k), Value: texts.Recall(k)})
	}
	return o, nil
}
