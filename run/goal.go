package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/report"
)

// The directions of a goal.
const (
	highest = "max"
	lowest  = "min"
)

// goal is a value that is to become as high, or as low, as possible.
type goal struct {
	name string
	min  bool
}

// direction is max or min.
func (g goal) direction() string {
	if g.min {
		return lowest
	}
	return highest
}

// better tells whether a is better than b by more than delta. A number that isn't finite is never better; any other one is better than it.
func (g goal) better(a, b, delta float64) bool {
	switch {
	case math.IsNaN(a) || math.IsInf(a, 0):
		return false
	case math.IsNaN(b) || math.IsInf(b, 0):
		return true
	case g.min:
		a, b = -a, -b
	}
	return a-b > delta
}

// parseGoal reads NAME[:max|min]. Without a direction it is that of the value's unit.
func parseGoal(text string, values []eval.Value) (g goal, known bool) {
	name, direction := text, ""
	if at := strings.LastIndexByte(text, ':'); at >= 0 && slices.Contains([]string{highest, lowest}, text[at+1:]) {
		name, direction = text[:at], text[at+1:]
	}
	g = goal{name: name, min: direction == lowest}
	v, known := eval.Find(values, name)
	if direction == "" {
		g.min = v.LowerIsBetter()
	}
	return g, known
}

// patience is N[:NAME[:max|min]]: the number of evaluations without a better value that end a run; 0: none.
type patience struct {
	n    int
	name string // empty: that of keep_best
}

var errPatience = errors.New("want a number of evaluations, or N:NAME such as 3:val/acc1")

// UnmarshalJSON takes a number or a string.
func (p *patience) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = string(data)
	}
	number, name, named := strings.Cut(text, ":")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n < 0 || n > mostSteps || named && name == "" {
		return errPatience
	}
	*p = patience{n, name}
	return nil
}

// MarshalJSON writes what UnmarshalJSON takes.
func (p patience) MarshalJSON() ([]byte, error) {
	if p.name == "" {
		return json.Marshal(p.n)
	}
	return json.Marshal(fmt.Sprintf("%d:%s", p.n, p.name))
}

// validateGoals checks what doesn't depend on the evaluations.
func (o *Options) validateGoals() error {
	switch {
	case o.Patience.n > 0 && o.Patience.name == "" && o.KeepBest == "":
		return errors.New("patience: of which value? give it as N:NAME, or name it in keep_best")
	case o.Patience.n > 0 && o.Align.KeepNear > 0:
		return errors.New("patience: not available with align.keep_near, which changes the weights after the last step")
	case o.MinDelta > 0 && o.Patience.n == 0:
		return errors.New("min_delta: has an effect only with patience")
	case !(o.MinDelta >= 0) || math.IsInf(o.MinDelta, 0):
		return fmt.Errorf("min_delta: %g is not a number from 0 on", o.MinDelta)
	}
	return nil
}

// goals are what a run follows.
type goals struct {
	best  *goal // nil: no checkpoint is kept for a value
	stops *goal // nil: the run doesn't stop early
}

// openGoals finds the values that are named among those that the evaluators give.
func (s *session) openGoals() error {
	var values []eval.Value
	for _, e := range s.val.evaluators {
		values = append(values, e.Describe().Values...)
	}
	find := func(key, text string) (*goal, error) {
		g, known := parseGoal(text, values)
		if !known {
			return nil, fault.Setting(key, "no evaluation of this run gives %q; values are %s", g.name, nameList(values))
		}
		return &g, nil
	}
	var err error
	if s.KeepBest != "" {
		if s.goals.best, err = find("keep_best", s.KeepBest); err != nil {
			return err
		}
	}
	switch {
	case s.Patience.n == 0:
	case s.Patience.name == "":
		s.goals.stops = s.goals.best
	default:
		s.goals.stops, err = find("patience", s.Patience.name)
	}
	return err
}

func nameList(values []eval.Value) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}

// stall is how long a value hasn't become better.
type stall struct {
	evaluations int // in a row
	value       float64
	step        int // of the best value
}

// stalled follows a value through evaluations.
func (g goal) stalled(history []report.Evaluation, delta float64) stall {
	out := stall{value: math.NaN()}
	for _, e := range history {
		v, measured := eval.Find(e.Values, g.name)
		switch {
		case !measured:
		case g.better(v.Value, out.value, delta):
			out = stall{value: v.Value, step: e.Step}
		default:
			out.evaluations++
		}
	}
	return out
}
