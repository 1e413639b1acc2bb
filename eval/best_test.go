package eval_test

import (
	"testing"

	"clipgo/eval"
)

func TestTheBestModelHasTheHighestMetric(t *testing.T) {
	accuracy := func(top1, recall float64) []eval.Value {
		return []eval.Value{{Name: eval.ImageRecallName(1), Value: recall}, {Name: eval.ZeroShotTop1, Value: top1}}
	}
	recall := func(image, text float64) []eval.Value {
		return []eval.Value{{Name: eval.ImageRecallName(1), Value: image}, {Name: eval.TextRecallName(1), Value: text}}
	}
	for name, c := range map[string]struct {
		models [][]eval.Value
		metric string
		best   int
	}{
		"accuracy comes before recall": {[][]eval.Value{accuracy(0.5, 0.9), accuracy(0.6, 0.1)}, eval.ZeroShotTop1, 1},
		"the first of equal ones":      {[][]eval.Value{accuracy(0.2, 0), accuracy(0.5, 0), accuracy(0.5, 1)}, eval.ZeroShotTop1, 1},
		"the mean of both directions":  {[][]eval.Value{recall(0.9, 0.1), recall(0.4, 0.7), recall(0.6, 0.2)}, eval.MeanRecall, 1},
		"nothing but zeros":            {[][]eval.Value{recall(0, 0), recall(0, 0)}, eval.MeanRecall, 0},
	} {
		if metric, best := eval.Best(c.models); metric != c.metric || best != c.best {
			t.Errorf("%s: %d by %s, want %d by %s", name, best, metric, c.best, c.metric)
		}
	}
}
