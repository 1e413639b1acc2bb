package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"clipgo/alignment"
	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/training/record"
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

	meters  []*benchmark.Meter   // of the data sets of eval
	tested  *pretrained.Embedder // the model, as the meters use it
	skipped map[string]int       // samples that a meter couldn't use, as last said
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

// measure evaluates the model as it is. Each evaluator that fails costs its own values; its error names it.
func (v *validation) measure(ctx context.Context, evaluators []scheduled, step int) (report.Evaluation, []error) {
	v.reset()
	defer v.forget()
	found := report.Evaluation{Step: step}
	var failed []error
	for _, e := range evaluators {
		err := guarded(func() error {
			values, err := e.Evaluate(ctx)
			if err == nil {
				found.Values = append(found.Values, values...)
			}
			return err
		})
		if ctx.Err() != nil {
			return found, []error{ctx.Err()}
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", e.Name(), err))
		}
	}
	return found, failed
}

// reset makes the next evaluation embed again: the model has changed.
func (v *validation) reset() {
	v.Reset()
	v.forget()
}

// forget frees the features of all data but val_data, which the report shows.
func (v *validation) forget() {
	for _, m := range v.meters {
		m.Reset()
	}
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

// add keeps an evaluation, writes its line and logs it. A value that isn't finite is null in the line.
func (v *validation) add(found report.Evaluation, w io.Writer, c *Console) error {
	if len(found.Values) == 0 { // nothing that was due can be measured on this data
		return nil
	}
	v.history = joined(v.history, found)
	line := map[string]any{"step": found.Step}
	for _, value := range found.Values {
		line[value.Name] = record.Number(value.Value)
	}
	logEvaluation(c.Log, found)
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// joined is a history with one more evaluation, whose values are added to those of the same step.
func joined(history []report.Evaluation, found report.Evaluation) []report.Evaluation {
	history = slices.Clone(history)
	if n := len(history); n > 0 && history[n-1].Step == found.Step {
		last := &history[n-1]
		last.Values = append(slices.Clone(last.Values), found.Values...)
		return history
	}
	return append(history, found)
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
	var failed []error
	if v.before, failed = v.measure(ctx, v.evaluators, 0); len(failed) > 0 {
		return fmt.Errorf("evaluate: %w", errors.Join(failed...))
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
			out[v.Name+beforeSuffix] = plain(v.Value)
		}
	}
}
