package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"clipgo/alignment"
	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/training"
)

// validation is the data that a run is evaluated on, the evaluators, and what they have measured.
type validation struct {
	*pretrained.Pass
	own        bool // the data is val_data; otherwise it is a part of the training data
	evaluators []scheduled
	agreement  *alignment.AgreementEvaluator // one of them; nil: it isn't
	captions   *alignment.PPOEvaluator       // one of them; nil: it isn't
	before     report.Evaluation             // of a model that is aligned, before its first step
	history    []report.Evaluation
	anatomy    *report.Anatomy // of the last features; nil: none
}

// scheduled is an evaluator that is due after some of the steps.
type scheduled struct {
	eval.Describer
	due func(e training.Event) bool
}

// borrowed is how many training pairs are evaluated on if there is no val_data.
const borrowed = 1000

func (s *session) openValidation(ctx context.Context) (*validation, error) {
	v := &validation{Pass: &pretrained.Pass{}}
	if s.ValData != "" {
		src, err := s.openOther(ctx, s.ValData)
		if err != nil {
			return nil, err
		}
		s.console.notes(src.Info())
		v.Source, v.own = src, true
	} else {
		v.Source = s.borrow()
		if datasets.InSequence(s.train) {
			s.console.Log.Info("there is no val_data: each evaluation reads training data again, from its beginning",
				"pairs", v.Source.Len(), "data", s.train.Info().Name)
		}
	}
	// zeroshot takes these prompts from the checkpoint
	v.Embedder = pretrained.NewEmbedder(nil, pretrained.Source{Templates: s.Templates}, nil,
		pretrained.Settings{Workers: s.Workers, BatchSize: 64, MaxSkip: 1, Preprocess: s.Preprocess, Limits: s.Limits})
	return v, nil
}

// openEvaluators lists the evaluators of the run's objective, in the order in which their values are shown. The model is there.
func (s *session) openEvaluators() (err error) {
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
	add(v.Retrieval(1, 5, 10), s.retrievalDue)
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

// due lists the evaluators that are due after a step.
func (v *validation) due(e training.Event) (out []scheduled) {
	for _, one := range v.evaluators {
		if one.due(e) {
			out = append(out, one)
		}
	}
	return out
}

// measure evaluates the model as it is.
func (v *validation) measure(ctx context.Context, evaluators []scheduled, step int) (report.Evaluation, error) {
	v.Reset()
	values, err := eval.All(ctx, evaluators)
	if err != nil {
		return report.Evaluation{}, fmt.Errorf("evaluate: %w", err)
	}
	return report.Evaluation{Step: step, Values: values}, nil
}

func (v *validation) name() string {
	if v.agreement != nil && v.own {
		return fmt.Sprintf("%s, %d pairs", v.Source.Info().Name, v.Source.Len())
	}
	if v.own {
		return fmt.Sprintf("%s, %d pictures", v.Source.Info().Name, v.Source.Len())
	}
	return fmt.Sprintf("none given: evaluating on %d training pairs", v.Source.Len())
}

func (v *validation) classified() bool { return len(v.Source.Info().Classes) > 0 }

// about describes the groups of values, for the report.
func (v *validation) about() map[string]string {
	out := map[string]string{}
	for _, e := range v.evaluators {
		for group, text := range e.Describe().About {
			out[group] = text
		}
	}
	return out
}

// described returns an evaluator's description of a value, which a line of evaluations.jsonl has only the name of. A name of no
// evaluator is described by its name alone.
func (v *validation) described(name string) eval.Value {
	for _, e := range v.evaluators {
		for _, value := range e.Describe().Values {
			if value.Name == name {
				return value
			}
		}
	}
	return eval.Value{Name: name}
}

// add keeps an evaluation, writes its line and logs it.
func (v *validation) add(found report.Evaluation, w io.Writer, c *Console) error {
	if len(found.Values) == 0 { // nothing that was due can be measured on this data
		return nil
	}
	v.history = append(v.history, found)
	line := map[string]any{"step": found.Step}
	for _, value := range found.Values {
		line[value.Name] = value.Value
	}
	logEvaluation(c.Log, found)
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// logEvaluation logs the values of an evaluation, in several lines where one would be too long.
func logEvaluation(log *slog.Logger, found report.Evaluation) {
	const columns = 84 // of the values; time, level and step come before them
	var attrs []any
	width := 0
	flush := func() {
		log.Info("evaluation", append([]any{"step", found.Step}, attrs...)...)
		attrs, width = nil, 0
	}
	for _, value := range found.Values {
		v := round4(value.Value)
		more := len(fmt.Sprintf(" %s=%v", value.Name, v))
		if width > 0 && width+more > columns {
			flush()
		}
		attrs, width = append(attrs, value.Name, v), width+more
	}
	flush()
}

// lastEvaluation is the newest one, of an earlier sitting too.
func (v *validation) lastEvaluation() report.Evaluation {
	if n := len(v.history); n > 0 {
		return v.history[n-1]
	}
	return report.Evaluation{}
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

// measureBefore measures what is aligned before its first step, and refuses what can't be aligned.
func (s *session) measureBefore(ctx context.Context) (err error) {
	v := s.val
	if !s.Align.on() || s.resumed != "" {
		return nil
	}
	if s.ppo != nil {
		if err := s.measureStandards(ctx); err != nil {
			return err
		}
	}
	if v.before, err = v.measure(ctx, v.evaluators, 0); err != nil {
		return err
	}
	if v.agreement != nil && v.agreement.Last.Equal == v.agreement.Last.Pairs {
		return &datasets.DataError{Source: v.Source.Info().Name, Reason: fmt.Sprintf("nothing to learn: the reward is the same on both "+
			"sides of each of %d pairs", v.agreement.Last.Pairs)}
	}
	return nil
}

// recordBefore keeps what was measured before the first step, unless an earlier sitting did.
func (s *session) recordBefore() error {
	if !s.Align.on() || s.resumed != "" || len(s.val.history) > 0 {
		return nil
	}
	return s.val.add(s.val.before, s.dir.evaluations, s.console)
}

// beforeSuffix is behind the names under which the result has what was measured before the first step.
const beforeSuffix = "_before"

// addBefore adds what was measured before the first step to the result.
func (s *session) addBefore(out map[string]any) {
	for _, found := range s.val.history {
		if found.Step != 0 {
			continue
		}
		for _, v := range found.Values {
			out[v.Name+beforeSuffix] = v.Value
		}
	}
}
