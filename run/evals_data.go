package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"clipgo/benchmark"
	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/probe"
	"clipgo/training"
)

// recalls are the K of the recalls that a run measures.
var recalls = []int{1, 5, 10}

// openEvals opens the data of the evaluations that are asked for and checks that it has what they need, before a model is built.
func (s *session) openEvals(ctx context.Context) error {
	meters, names := map[string]*benchmark.Meter{}, map[string]bool{}
	for i, a := range s.evals {
		m := meters[a.data]
		if m == nil {
			d, err := s.openEvalData(a.data)
			if err != nil {
				return err
			}
			if names[d.Name] {
				return fault.Setting("eval", "two data sets have the name %s; give one another: %s=OTHER=%s", d.Name, a.task,
					datasets.Public(d.Place))
			}
			m = &benchmark.Meter{Data: d, Recalls: recalls}
			m.Probe = probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true, Seed: s.Seed} // as eval benchmark has it
			meters[a.data], names[d.Name] = m, true
			s.val.meters = append(s.val.meters, m)
		}
		if err := checkEval(ctx, m, a.task); err != nil {
			return fmt.Errorf("evaluation %s: %w", a.task, err)
		}
		s.evals[i].meter = m
	}
	s.Eval = publicEvals(s.Eval) // what is written has no credentials
	return nil
}

// openEvalData finds the data set of an evaluation, which the filter of the training data doesn't concern.
func (s *session) openEvalData(name string) (*benchmark.Data, error) {
	o := s.Data
	o.Log, o.Filter = s.console.Log, ""
	return benchmark.Open(name, o)
}

// checkEval opens what a task needs.
func checkEval(ctx context.Context, m *benchmark.Meter, task string) error {
	if task == perplexityTask || task == maskedWordsTask {
		return m.CheckCaptions(ctx)
	}
	return m.Check(ctx, task)
}

// evalFingerprints are those of the data that a checkpoint says it was evaluated on.
func (s *session) evalFingerprints() map[string]string {
	out := map[string]string{}
	for _, m := range s.val.meters {
		out[m.Data.Name] = m.Fingerprint()
	}
	return out
}

// checkEvals warns of data that has changed since the checkpoint that the run goes on from.
func (s *session) checkEvals() {
	now := s.evalFingerprints()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if was := s.state.Evaluations[name]; was != "" && was != now[name] {
			s.console.Log.Warn("the data of an evaluation has changed: new values are not comparable with earlier ones", "data", name)
		}
	}
}

// evalNotes are lines about the evaluations that are asked for.
func (s *session) evalNotes() (out []string) {
	for _, a := range s.evals {
		often := "at the end"
		if n := a.every.steps; n > 0 {
			often = fmt.Sprintf("each %s and at the end", steps(n))
		}
		out = append(out, fmt.Sprintf("%s, %s, %s", a.meter.Data.Name, a.task, often))
	}
	return out
}

// addEvals adds the evaluators that are asked for to those of the objective. The model is there.
func (s *session) addEvals() {
	v := s.val
	v.tested = pretrained.NewEmbedder(s.result(), v.Embedder.Source, s.tokens, v.Embedder.Settings)
	v.tested.Settings.MaxSkip = s.MaxSkip
	for _, a := range s.evals {
		m := a.meter
		m.Model = v.tested
		due := func(e training.Event) bool { return e.Done || a.every.due(e.Step) }
		v.evaluators = append(v.evaluators, scheduled{s.evaluatorOf(a), due})
	}
}

// evaluatorOf makes the evaluator of one evaluation.
func (s *session) evaluatorOf(a asked) eval.Describer {
	name := a.meter.Data.Name
	switch a.task {
	case perplexityTask:
		p := &captioning.PerplexityEvaluator{Captioner: captioning.Captioner{Model: s.result()}, Fill: s.tokens.Fill, Source: a.meter}
		a.meter.Viewers = append(a.meter.Viewers, p)
		return named{p, name}
	case maskedWordsTask:
		return named{&contrastive.MaskedWordsEvaluator{Words: s.words, Model: s.result(), Fill: s.tokens.FillCut, Source: a.meter}, name}
	}
	return a.meter.Evaluator(a.task, name)
}

// named puts the name of a data set before the values of an evaluator.
type named struct {
	eval.Describer
	prefix string
}

// Name is the data set and the evaluator.
func (n named) Name() string { return n.prefix + ", " + n.Describer.Name() }

// Evaluate returns the evaluator's values.
func (n named) Evaluate(ctx context.Context) ([]eval.Value, error) {
	values, err := n.Describer.Evaluate(ctx)
	return n.renamed(values), err
}

// Describe names the values.
func (n named) Describe() eval.Description {
	return eval.Description{Values: n.renamed(n.Describer.Describe().Values)}
}

func (n named) renamed(values []eval.Value) []eval.Value {
	for i := range values {
		values[i].Name, values[i].Group = n.prefix+"/"+values[i].Name, n.Name()
	}
	return values
}

// tellSkipped warns of samples of the evaluations' data that can't be used, once for each number of them.
func (s *session) tellSkipped() {
	for _, m := range s.val.meters {
		if n := m.Skipped(); n > 0 && s.val.skipped[m.Data.Name] != n {
			if s.val.skipped == nil {
				s.val.skipped = map[string]int{}
			}
			s.val.skipped[m.Data.Name] = n
			s.console.Log.Warn("samples of an evaluation can't be used; its values are those of the others", "data", m.Data.Name,
				"samples", n)
		}
	}
}
