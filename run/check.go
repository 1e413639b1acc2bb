package run

import (
	"context"
	"time"

	"clipgo/datasets"
	"clipgo/datasets/check"
)

// lookBudget is how long pictures are decoded before the first step to find out whether the data is usable.
const lookBudget = 300 * time.Millisecond

// lookAtData looks at a few samples before a run begins. It refuses data that would end the run because of max_skip, and warns of what is
// notable. A run that doesn't reach the end of an epoch may be shorter than what max_skip needs to end it: it is only warned.
func (s *session) lookAtData(ctx context.Context) error {
	if s.resumed != "" || s.Align.on() || s.train.Info().Kind == "builtin" {
		return nil
	}
	if s.NumSamples > 0 && datasets.InSequence(s.train) { // it is read by the run alone, since each look begins anew
		return nil
	}
	o := check.Options{Tokens: s.tokens.FillCut, ContextLength: s.ModelCfg.Text.ContextLength, Preprocess: s.Preprocess, Limits: s.Limits,
		Augment: s.Augment}
	o.Seed, o.Workers, o.MaxSkip, o.BatchSize = s.Seed, s.Workers, s.MaxSkip, s.effective()
	look, err := check.Quick(ctx, s.train, o, lookBudget)
	if err != nil {
		return err
	}
	if look.Refusal != nil {
		if min(s.Steps, stopOf(s.StopAfter, 0))*s.global() >= s.train.Len() {
			return look.Refusal
		}
		s.console.Log.Warn(look.Refusal.Error())
	}
	for _, warning := range look.Warnings {
		s.console.Log.Warn(warning, "data", s.train.Info().Name)
	}
	return nil
}
