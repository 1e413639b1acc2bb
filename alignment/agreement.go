package alignment

import (
	"context"
	"fmt"

	"clipgo/datasets"
	"clipgo/eval"
)

// AgreementEvaluator measures how often a reward prefers the side that the judges of a data set preferred.
type AgreementEvaluator struct {
	Reward  Reward
	Pairs   datasets.Preferences
	Loader  *datasets.Loader    // reads Pairs, both sides of each, with token ids
	Skipped func(datasets.Skip) // is called with each sample that can't be used

	Last eval.Agreement // of the last Measure
}

// Measure compares the rewards of all pairs. Data without a judged pair is a *datasets.DataError.
func (e *AgreementEvaluator) Measure(ctx context.Context) (eval.Agreement, error) {
	found := eval.Agreement{}
	for b, err := range e.Loader.Batches(ctx, 0, int64(e.Pairs.Len())) {
		if b != nil {
			for _, skip := range b.Skipped {
				e.Skipped(skip)
			}
		}
		if err != nil {
			return found, err
		}
		if b.N == 0 {
			continue
		}
		first, second, err := e.Reward.Measure(ctx, b)
		if err != nil {
			return found, err
		}
		judged := make([]float64, b.N)
		for i, index := range b.Index {
			judged[i] = e.Pairs.Preferred(index)
		}
		if err := found.Add(first, second, judged); err != nil {
			return found, err
		}
	}
	e.Last = found
	if found.Pairs == found.Ties {
		return found, &datasets.DataError{Source: e.Pairs.Info().Name,
			Reason: fmt.Sprintf("none of its %d pairs that can be used is judged", found.Pairs)}
	}
	return found, nil
}

// AgreementName is the name of the value of an AgreementEvaluator.
const AgreementName = "agreement"

// Name is agreement.
func (e *AgreementEvaluator) Name() string { return AgreementName }

// Evaluate returns the agreement.
func (e *AgreementEvaluator) Evaluate(ctx context.Context) ([]eval.Value, error) {
	found, err := e.Measure(ctx)
	if err != nil {
		return nil, err
	}
	out := e.Describe().Values
	out[0].Value, out[0].Chance = found.Value, 0.5
	return out, nil
}

// Describe names the value. The number of pairs is that of the last Measure.
func (e *AgreementEvaluator) Describe() eval.Description {
	const group = "Agreement with judges"
	return eval.Description{
		Values: []eval.Value{{Name: AgreementName, Group: group}},
		About: map[string]string{
			group: fmt.Sprintf("Share of %d pairs of which the side that judges preferred has the higher reward.",
				e.Last.Pairs-e.Last.Ties),
		},
	}
}
