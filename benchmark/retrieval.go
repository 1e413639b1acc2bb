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
	images, texts, err := eval.RankPairs(test.Images, test.Texts, test.Dim, test.TextImage)
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
