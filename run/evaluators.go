package run

import (
	"context"
	"slices"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/eval"
	"clipgo/report"
	"clipgo/training"
)

// scheduled is an evaluator that is due after some of the steps.
type scheduled struct {
	eval.Describer
	due func(e training.Event) bool
}

// openEvaluators lists the evaluators, in the order in which their values are shown, and finds the values that the run follows. The model
// is there.
func (s *session) openEvaluators() error {
	if err := s.objectivesEvaluators(); err != nil {
		return err
	}
	s.addEvals()
	return s.openGoals()
}

// objectivesEvaluators lists those of the run's objective on val_data.
func (s *session) objectivesEvaluators() (err error) {
	v := s.val
	add := func(e eval.Describer, due func(training.Event) bool) {
		v.evaluators = append(v.evaluators, scheduled{e, due})
	}
	switch {
	case s.pairs != nil:
		if v.agreement, err = s.newAgreement(); err == nil {
			add(v.agreement, s.anyDue)
		}
		return err
	case s.ppo != nil:
		v.captions = s.newCaptionEvaluator()
		add(v.captions, s.anyDue)
		return nil
	}
	add(v.ZeroShot(), s.zeroShotDue)
	if s.words != nil {
		add(&contrastive.MaskedWordsEvaluator{Words: s.words, Model: s.result(), Fill: s.tokens.FillCut, Source: v}, s.retrievalDue)
	}
	if s.Objective == cocaObjective {
		perplexity := &captioning.PerplexityEvaluator{Captioner: captioning.Captioner{Model: s.result()}, Fill: s.tokens.Fill, Source: v}
		v.Viewers = append(v.Viewers, perplexity)
		add(perplexity, s.anyDue)
	}
	add(v.Retrieval(recalls...), s.retrievalDue)
	return nil
}

// retrievalDue tells whether retrieval is due after a step, and all that has its frequency: val_frequency.
func (s *session) retrievalDue(e training.Event) bool {
	return e.Done || s.ValFrequency.due(e.Step)
}

// zeroShotDue tells whether zero-shot classification is due after a step. Data without classes is not embedded for it.
func (s *session) zeroShotDue(e training.Event) bool {
	return e.Done || s.val.classified() && s.ZeroshotFrequency.due(e.Step)
}

func (s *session) anyDue(e training.Event) bool { return s.retrievalDue(e) || s.zeroShotDue(e) }

// due lists the evaluators that are due after a step and have not been recorded there.
func (v *validation) due(e training.Event) (out []scheduled) {
	for _, one := range v.evaluators {
		if one.due(e) && !v.recorded(one, e.Step) {
			out = append(out, one)
		}
	}
	return out
}

// recorded tells whether the last evaluation is of a step and has a value of an evaluator.
func (v *validation) recorded(one scheduled, step int) bool {
	last := v.lastEvaluation()
	if last.Step != step {
		return false
	}
	for _, value := range one.Describe().Values {
		if _, ok := eval.Find(last.Values, value.Name); ok {
			return true
		}
	}
	return false
}

// without lists the evaluators that are not among others.
func without(all, others []scheduled) (out []scheduled) {
	for _, one := range all {
		if !slices.ContainsFunc(others, func(o scheduled) bool { return o.Name() == one.Name() }) {
			out = append(out, one)
		}
	}
	return out
}

// What the anatomy of the report looks at: pairs compared at a time, and pictures and captions whose attention is looked at.
const (
	reportCandidates = 64
	reportSample     = 16
)

// look keeps the anatomy of what was just evaluated for the report. A training goes on without one.
func (s *session) look(ctx context.Context, step int) {
	s.val.anatomy = nil
	if len(s.val.Last().Captions) < 2 && !s.val.classified() { // else the names of classes are compared with
		return
	}
	found, err := s.val.Anatomy(ctx, reportCandidates, reportSample)
	if err != nil && ctx.Err() == nil {
		s.console.Log.Warn("the report has no anatomy of the network", "error", err)
	}
	if err != nil {
		return
	}
	s.val.anatomy = &report.Anatomy{Step: step, Anatomy: found}
}
