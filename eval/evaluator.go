package eval

import (
	"context"
	"fmt"
)

// Unit is the unit of a measured value.
type Unit string

// The units. A Fraction is in [0, 1] and is shown in percent; the others are shown as plain numbers.
const (
	Fraction   Unit = ""
	Perplexity Unit = "equally likely tokens"
	Nats       Unit = "nats per token"
	Deviations Unit = "standard deviations"
	Score      Unit = "score" // a reward in the scale of the model that gives it
	Tokens     Unit = "tokens"
	Count      Unit = "count"
)

// Value is a measured value.
type Value struct {
	Name          string
	Group         string  // heading of the chart that it is drawn in; fractions only
	Value, Chance float64 // Chance is the value of guessing, 0 if unknown
	Unit          Unit
	Lower         bool // of a fraction: lower is better
}

// LowerIsBetter reports whether a lower value is the better one.
func (v Value) LowerIsBetter() bool { return v.Lower || v.Unit == Perplexity || v.Unit == Nats }

// Evaluator measures a model. It is built with everything that it needs: the model, the data, and where the features come from.
//
// A new evaluator belongs to the package of what it measures: here if features or answers are enough (RetrievalEvaluator), otherwise next
// to the model's part that it calls (captioning.PerplexityEvaluator, contrastive.MaskedWordsEvaluator, alignment.AgreementEvaluator). A
// training run lists its evaluators in run's openEvaluators, with the steps at which each is due; they are Describers. Nothing else
// knows the names of their values: the log, evaluations.jsonl, the result and the report follow from the Values.
type Evaluator interface {
	Name() string
	// Evaluate returns what was measured, or nothing where the data has nothing to measure. It returns the context's error once it
	// is done.
	Evaluate(ctx context.Context) ([]Value, error)
}

// Description is what is known of an evaluator's values before they are measured.
type Description struct {
	Values []Value           // names, groups and units, without numbers
	About  map[string]string // a sentence that describes each group
}

// Describer is an Evaluator that describes its values. A resumed run, whose records hold only names and numbers, finds groups and
// units in it.
type Describer interface {
	Evaluator
	Describe() Description
}

// All runs evaluators one after the other and returns their values in the same order. An error names its evaluator.
func All[E Evaluator](ctx context.Context, evaluators []E) ([]Value, error) {
	var out []Value
	for _, e := range evaluators {
		values, err := e.Evaluate(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		out = append(out, values...)
	}
	return out, nil
}
