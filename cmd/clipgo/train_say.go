package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"clipgo/internal/nn"
	"clipgo/training"
)

// announce says what is about to happen, in the numbers that a reader would ask for.
func (s *session) announce() {
	info := s.train.Info()
	s.console.say("model  %s, %.1f million parameters%s, %s on %s", s.Model, float64(s.model.ParameterCount())/1e6, s.lockNote(), s.Precision, s.Device)
	if s.resumed == "" && s.source.Weights != "" {
		recipe := "fine-tuning"
		if s.Align.on() {
			recipe = s.Align.Objective
		}
		s.console.say("from   %s, with the %s recipe", s.source.Weights, recipe)
	}
	s.console.say("data   %s, %d pairs; validation %s", info.Name, s.train.Len(), s.val.name())
	s.console.say("train  %s, lr %g, wd %g, warm-up %d, %s", s.extent(), s.Optim.LR, s.Optim.WD, s.Schedule.Warmup, s.Schedule.Kind)
	if !s.Align.on() {
		s.console.say("loss   %s", s.lossNote())
	}
	if s.pool() > 0 {
		s.console.say("text   batches of similar length, sorted over %d pairs", s.pool())
	}
	if s.average != nil {
		s.console.say("ema    %g: the average of the weights is evaluated and saved", s.EMADecay)
	}
	s.console.say("run    %s", s.Out)
	if s.resumed != "" {
		s.console.say("resume %s, at step %d", s.resumed, s.state.Step)
	} else if s.Resume != "" {
		s.console.say("resume no checkpoint yet: starting at step 0")
	}
	if len(s.changes) > 0 {
		s.console.say("change %s", strings.Join(s.changes, ", "))
	}
}

// extent is how long the run is.
func (s *session) extent() string {
	epochs := float64(s.Steps) * float64(s.effective()) / float64(s.train.Len())
	if n := s.Align.updates(); n > 1 {
		return fmt.Sprintf("%s in rounds of %d, each of %d captions (%.1f epochs)", describe(s.Steps), n, s.effective(), epochs/float64(n))
	}
	return fmt.Sprintf("%s of %d pairs%s (%.1f epochs)", describe(s.Steps), s.effective(), s.roundsNote(), epochs)
}

// lockNote tells how many parameters are trained, where it isn't all.
func (s *session) lockNote() string {
	trained := count(s.model.Trained())
	if trained == s.model.ParameterCount() {
		return ""
	}
	return fmt.Sprintf(" (%.1f million of them trained)", float64(trained)/1e6)
}

func count(params []*nn.Param) (n int64) {
	for _, p := range params {
		n += int64(p.Len())
	}
	return n
}

// skipNote says how many samples could not be used, and how many others were used in their place.
func skipNote(p training.Progress) string {
	if p.Replaced == 0 {
		return fmt.Sprintf("%d skipped", p.Skipped)
	}
	return fmt.Sprintf("%d skipped (%d replaced by others)", p.Skipped, p.Replaced)
}

// tell prints how the sitting ended.
func (s *session) tell(h *hooks) error {
	p := s.trainer.Progress
	out := map[string]any{"step": p.Step, "steps": s.Steps, "samples": p.Samples, "skipped": p.Skipped, "replaced": p.Replaced, "out": s.Out}
	last := h.row
	for key, v := range map[string]float64{"loss": float64(last.Loss), "scale": float64(last.Scale)} {
		if !math.IsNaN(v) {
			out[key] = v
		}
	}
	for _, v := range h.lastEvaluation().Values {
		out[v.Name] = v.Value
	}
	if s.pairs != nil {
		s.addAgreement(out)
	}
	if s.ppo != nil {
		s.addTrial(out)
	}
	if s.console.json {
		return s.console.result(out)
	}
	note := ""
	if loss := float64(last.Loss); !math.IsNaN(loss) { // a sitting of no step has none
		note = fmt.Sprintf(", loss %.4f", loss)
	}
	s.console.print("%s of %d, %d samples used, %s%s", describe(p.Step), s.Steps, p.Samples, skipNote(p), note)
	for _, v := range h.lastEvaluation().Values {
		if !isShare(v.Name) {
			s.console.print("  %-24s %8.4f", v.Name, v.Value)
			continue
		}
		s.console.print("  %-24s %6.2f %%%s", v.Name, 100*v.Value, chanceNote(v.Chance))
	}
	if before, ok := out[agreementBefore].(float64); ok {
		s.console.print("  %-24s %6.2f %%", agreementBefore, 100*before)
	}
	s.console.print("report %s", filepath.Join(s.Out, reportFile))
	return nil
}

func chanceNote(chance float64) string {
	if chance <= 0 {
		return ""
	}
	return fmt.Sprintf("   (chance %.2f %%)", 100*chance)
}
