package run

import (
	"context"
	"fmt"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/report"
)

// Agreement measures how often a reward prefers the side that the judges preferred.
type Agreement struct {
	Pairs datasets.Preferences
	Head  *alignment.Head
	Last  eval.Agreement

	before report.Evaluation // of the model as it was
}

// agreementName is the measured value's.
const agreementName = "agreement"

// Measure compares the rewards of all pairs.
func (a *Agreement) Measure(ctx context.Context, v *Validation) (out report.Evaluation, err error) {
	reward := alignment.Reward{Model: v.Embedder.Model, Head: a.Head}
	found := eval.Agreement{}
	loader := v.Embedder.Loader(a.Pairs)
	loader.Pairs = a.Pairs
	tokens, err := v.Embedder.Tokenizer()
	if err != nil {
		return out, err
	}
	loader.Tokens = tokens.FillCut
	for b, err := range loader.Batches(ctx, 0, int64(a.Pairs.Len())) {
		if b != nil {
			for _, skip := range b.Skipped {
				v.Skipped(skip)
			}
		}
		if err != nil {
			return out, err
		}
		if b.N == 0 {
			continue
		}
		first, second, err := reward.Measure(ctx, b)
		if err != nil {
			return out, err
		}
		judged := make([]float64, b.N)
		for i, index := range b.Index {
			judged[i] = a.Pairs.Preferred(index)
		}
		if err := found.Add(first, second, judged); err != nil {
			return out, err
		}
	}
	a.Last = found
	if found.Pairs == found.Ties {
		return out, &datasets.DataError{Source: a.Pairs.Info().Name, Reason: fmt.Sprintf("none of its %d pairs that can be used is judged", found.Pairs)}
	}
	out.Values = []eval.Value{{Name: agreementName, Value: found.Value, Chance: 0.5}}
	return out, nil
}

// measureBefore measures what is tuned before its first step, and refuses what can't be tuned.
func (s *session) measureBefore(ctx context.Context) (err error) {
	if s.ppo != nil && s.resumed == "" {
		return s.measureStart(ctx)
	}
	if s.pairs == nil || s.resumed != "" {
		return nil
	}
	if s.val.pairs.before, err = s.val.Measure(ctx, Want{}); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if last := s.val.pairs.Last; last.Equal == last.Pairs {
		return &datasets.DataError{Source: s.val.Source.Info().Name, Reason: fmt.Sprintf("nothing to learn: the reward is the same on both sides of each of %d pairs", last.Pairs)}
	}
	return nil
}

// recordBefore keeps what was measured before the first step, unless an earlier sitting did.
func (s *session) recordBefore() error {
	if !s.Align.on() || s.resumed != "" || len(s.val.history) > 0 {
		return nil
	}
	if s.ppo != nil {
		return s.val.add(s.val.trial.before, s.dir.evaluations, s.console)
	}
	return s.val.add(s.val.pairs.before, s.dir.evaluations, s.console)
}

// agreementBefore is the name under which the result has what was measured before the first step.
const agreementBefore = "agreement_before"

// addAgreement adds what is told of pairs at the end.
func (s *session) addAgreement(out map[string]any) {
	for _, before := range s.val.history {
		if before.Step == 0 {
			out[agreementBefore] = before.Values[0].Value
		}
	}
	if last := s.val.pairs.Last; last.Pairs > 0 {
		out["pairs"], out["ties"], out["margin"] = last.Pairs, last.Ties, last.Margin
		if last.Equal == last.Pairs {
			s.console.Log.Warn("the reward has become the same on both sides of every pair: it says nothing any more", "pairs", last.Pairs)
		}
	}
}
