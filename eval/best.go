package eval

import "slices"

// MeanRecall is the metric by which Best compares models on data without classes: the mean of the recalls at 1 in both directions.
const MeanRecall = "mean_retrieval_recall@1"

// Find returns the value with a name; ok reports whether it is among values.
func Find(values []Value, name string) (v Value, ok bool) {
	i := slices.IndexFunc(values, func(v Value) bool { return v.Name == name })
	if i < 0 {
		return v, false
	}
	return values[i], true
}

// Best compares models by their values on the same data. It returns the metric and the index of the model with the highest value, the
// first of equal ones. The metric is top-1 accuracy, or MeanRecall if the data has no classes.
func Best(models [][]Value) (metric string, best int) {
	metric = MeanRecall
	if _, ok := Find(models[0], ZeroShotTop1); ok {
		metric = ZeroShotTop1
	}
	for i, values := range models {
		if score(values, metric) > score(models[best], metric) {
			best = i
		}
	}
	return metric, best
}

func score(values []Value, metric string) float64 {
	if metric == MeanRecall {
		image, _ := Find(values, ImageRecallName(1))
		text, _ := Find(values, TextRecallName(1))
		return (image.Value + text.Value) / 2
	}
	v, _ := Find(values, metric)
	return v.Value
}
