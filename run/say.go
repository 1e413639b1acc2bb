package run

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/training"
)

// announce says what is about to happen, in the numbers that a reader would ask for.
func (s *session) announce() {
	info := s.train.Info()
	s.console.Say("model  %s, %.1f million parameters%s, %s on %s", s.Model, float64(s.model.ParameterCount())/1e6, s.lockNote(),
		s.Precision, s.Device)
	if s.resumed == "" && s.source.Weights != "" {
		recipe := "fine-tuning"
		if s.Align.on() {
			recipe = s.Align.Objective
		}
		s.console.Say("from   %s, with the %s recipe", s.source.Weights, recipe)
	}
	s.console.Say("data   %s, %d pairs; validation %s", info.Name, s.train.Len(), s.val.name())
	for _, note := range s.evalNotes() {
		s.console.Say("eval   %s", note)
	}
	if note := s.mixtureNote(); note != "" {
		s.console.Say("mix    %s", note)
	}
	s.console.Say("train  %s, %s, lr %g, wd %g, warm-up %d, %s", s.extent(), s.Optim.Title(), s.Optim.LR, s.Optim.WD, s.Schedule.Warmup,
		s.scheduleNote())
	if !s.Align.on() {
		s.console.Say("loss   %s", s.lossNote())
	}
	if s.pool() > 0 {
		s.console.Say("text   batches of similar length, sorted over %d pairs", s.pool())
	}
	if s.average != nil {
		s.console.Say("ema    %g: the average of the weights is evaluated and saved", s.EMADecay)
	}
	if note := s.equalCaptions(); note != "" {
		s.console.Log.Warn(note)
	}
	s.console.Say("run    %s", s.Out)
	if s.resumed != "" {
		s.console.Say("resume %s, at step %d", s.resumed, s.state.Step)
	} else if s.Resume != "" {
		s.console.Say("resume no checkpoint yet: starting at step 0")
	}
	if len(s.Changes) > 0 {
		s.console.Say("change %s", strings.Join(s.Changes, ", "))
	}
}

// scheduleNote names the schedule, with the length of its cooldown.
func (s *session) scheduleNote() string {
	if s.Schedule.Kind == optim.ConstCooldown {
		return fmt.Sprintf("%s of the last %s", s.Schedule.Kind, steps(s.Schedule.Cooldown))
	}
	return s.Schedule.Kind
}

// extent is how long the run is.
func (s *session) extent() string {
	epochs := float64(s.Steps) * float64(s.global()) / float64(s.epoch())
	if n := s.Align.updates(); n > 1 {
		return fmt.Sprintf("%s in rollouts of %d steps and %d captions (%.1f epochs)", steps(s.Steps), n, s.global(), epochs/float64(n))
	}
	unit := "epochs"
	if s.NumSamples > 0 {
		unit = fmt.Sprintf("epochs of %d samples", s.NumSamples)
	}
	return fmt.Sprintf("%s of %d pairs%s (%.1f %s)", steps(s.Steps), s.global(), s.roundsNote(), epochs, unit)
}

// lockNote tells how many parameters are trained, where some are locked. Positions that are never trained don't count as such.
func (s *session) lockNote() string {
	if !s.Lock.Image && !s.Lock.Text && !s.Lock.Scale {
		return ""
	}
	return fmt.Sprintf(" (%.1f million of them trained)", float64(count(s.model.Trained()))/1e6)
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

// Result is how a sitting ended.
type Result struct {
	Values map[string]any // by the keys of --json: step, steps, samples, skipped, replaced, out, loss, scale, and what was measured last
	Text   []string       // the same as lines
}

// summary sums up the sitting.
func (s *session) summary(h *hooks) *Result {
	p := s.trainer.Progress
	out := map[string]any{"step": p.Step, "steps": s.Steps, "samples": p.Samples, "skipped": p.Skipped, "replaced": p.Replaced,
		"out": s.Out}
	out["failed_evaluations"] = s.failed.evaluations
	s.addSources(out)
	last := h.row
	for key, v := range map[string]float64{"loss": h.loss(), "scale": float64(last.Scale)} {
		if !math.IsNaN(v) {
			out[key] = v
		}
	}
	for _, v := range s.val.lastEvaluation().Values {
		out[v.Name] = plain(v.Value)
	}
	for name, n := range s.val.skipped {
		out[name+"/skipped"] = n
	}
	s.addBest(h, out)
	if s.Align.on() {
		s.addBefore(out)
	}
	if s.pairs != nil {
		s.addAgreement(out)
	}
	if s.ppo != nil {
		out["kl_limit"], out["judge"] = s.Align.PPO.KLLimit, s.winner()
	}
	if err := s.failed.report; err != nil {
		out["report_error"] = err.Error()
	}
	return &Result{Values: out, Text: s.summaryText(h, out)}
}

// loss is that of the last step with a full batch, since fewer pairs have another scale, or that of the last logged step.
func (h *hooks) loss() float64 {
	if math.IsNaN(h.fullLoss) {
		return float64(h.row.Loss)
	}
	return h.fullLoss
}

// summaryText is the summary for people.
func (s *session) summaryText(h *hooks, values map[string]any) (text []string) {
	p := s.trainer.Progress
	line := func(format string, args ...any) { text = append(text, fmt.Sprintf(format, args...)) }
	note := ""
	if loss := h.loss(); !math.IsNaN(loss) { // a sitting of no step has none
		note = fmt.Sprintf(", loss %.4f", loss)
	}
	of := fmt.Sprint(s.Steps)
	if h.ended {
		of += " (the data has no usable sample for the rest)"
	}
	line("%s of %s, %d samples used, %s%s", steps(p.Step), of, p.Samples, skipNote(p), note)
	text = append(text, s.sourcesText(h.row)...)
	text = append(text, s.val.table()...)
	const before = alignment.AgreementName + beforeSuffix
	if v, ok := values[before].(float64); ok {
		line("  %s was %.2f %% before the first step", alignment.AgreementName, 100*v)
	}
	text = append(text, s.bestText(h)...)
	if n := s.failed.evaluations; n > 0 {
		line("%d evaluations failed, see %s", n, filepath.Join(s.Out, LogFile))
	}
	if err := s.failed.report; err != nil {
		line("the report could not be written: %v", err)
	} else {
		line("report %s", filepath.Join(s.Out, ReportFile))
	}
	return text
}

// equalCaptions warns of data whose captions are fewer than the pairs of a step, such as class folders: with InfoNCE equal captions of a
// batch are negatives for each other, and dedup_targets changes no more than label smoothing. Empty where it isn't so.
func (s *session) equalCaptions() string {
	n := s.contrasted()
	if n < 2 || s.Objective == siglipObjective {
		return ""
	}
	some := datasets.Sample(s.train, max(borrowed, n))
	distinct := map[string]bool{}
	for i := range some.Len() {
		e, err := some.Entry(context.Background(), i)
		if err != nil {
			continue // the loader will say so
		}
		for _, caption := range e.Captions {
			distinct[caption] = true
		}
	}
	if len(distinct) == 0 || 2*len(distinct) > n {
		return ""
	}
	return fmt.Sprintf("the data has about %d different captions for %d pairs in a step: InfoNCE treats equal captions as negatives; "+
		"objective siglip with dedup_targets doesn't", len(distinct), n)
}
