package optim

import (
	"fmt"
	"math"
)

// Schedule is the learning rate as a pure function of the step.
type Schedule struct {
	Kind     string  `json:"lr_scheduler" flag:"lr-scheduler" arg:"name" help:"cosine, const or const-cooldown (default cosine)"`
	Warmup   int     `json:"warmup" max:"1000000000" flag:"warmup" arg:"steps" help:"number of warm-up steps (default 5 % of the run, at most 10000, or 500 from trained weights)"`
	Steps    int     `json:"steps"`        // steps of the whole run
	Cooldown int     `json:"cooldown"`     // number of last steps, for const-cooldown
	End      float64 `json:"cooldown_end"` // rate at the end of the cooldown
}

// The kinds of schedule, as open_clip names them.
const (
	Cosine        = "cosine"
	Const         = "const"
	ConstCooldown = "const-cooldown"
)

// Validate checks the fields.
func (s Schedule) Validate() error {
	switch {
	case s.Kind != Cosine && s.Kind != Const && s.Kind != ConstCooldown:
		return fmt.Errorf("lr_scheduler: %q is none of %s, %s, %s", s.Kind, Cosine, Const, ConstCooldown)
	case s.Warmup < 0:
		return fmt.Errorf("warmup: %d is negative", s.Warmup)
	case s.Cooldown < 0 || s.Cooldown > s.Steps:
		return fmt.Errorf("cooldown: %d is not within the %d steps", s.Cooldown, s.Steps)
	}
	return nil
}

// Rate is the learning rate of a step, counted from 0, as open_clip computes it. During warm-up it is base (step+1)/warmup. After
// that, cosine falls along half a cosine to 0 at the end of the last step.
func (s Schedule) Rate(base float64, step int) float64 {
	if step < s.Warmup {
		return base * float64(step+1) / float64(s.Warmup)
	}
	switch s.Kind {
	case Cosine:
		e, es := float64(step-s.Warmup), float64(s.Steps-s.Warmup)
		return 0.5 * (1 + math.Cos(math.Pi*e/es)) * base
	case ConstCooldown:
		if start := s.Steps - s.Cooldown; step >= start {
			left := 1 - float64(step-start)/float64(s.Cooldown)
			return left*(base-s.End) + s.End
		}
	}
	return base
}
