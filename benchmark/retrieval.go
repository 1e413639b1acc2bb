package benchmark

import (
	"context"
	"fmt"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
)

func retrieval(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	test, _, err := f.of(ctx, TestSplit)
	if err != nil {
		return nil, err
	}
	images, texts, err := eval.RankPairs(test.Images, test.Texts, test.Dim, test.TextImage)
	if err != nil {
		return nil, err
	}
	recalls := eval.NewRetrieval(images, texts, test.TextImage, s.Recalls)
	o := &outcome{hits: images.Hits(), recalls: &recalls,
		more: map[string]any{"pictures_by_captions": images, "captions_by_pictures": texts}}
	for i, r := range recalls.Image {
		if r.K == 1 {
			o.chance = &recalls.Image[i].Chance
		}
		o.metrics = append(o.metrics, clipbenchmark.Metric{Key: eval.ImageRecallName(r.K), Value: r.Value},
			clipbenchmark.Metric{Key: eval.TextRecallName(r.K), Value: recalls.Text[i].Value})
	}
	for text, image := range test.TextImage {
		o.samples = append(o.samples, Sample{
			Index: test.Index[image], Sample: test.Entries[image].Key, Text: test.Captions[text], Right: o.hits[text] == '1',
		})
	}
	o.miss(test)
	if texts.WithoutAnswer > 0 {
		o.notes = append(o.notes, fmt.Sprintf("%d of %d pictures have no caption; each counts as a miss of text_retrieval_recall",
			texts.WithoutAnswer, texts.Queries))
	}
	return o, nil
}
