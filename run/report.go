package run

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/report"
	"clipgo/training"
	"clipgo/training/record"
)

// writeReport writes report.html from what the run directory and this sitting know.
func (s *session) writeReport(h *hooks) error {
	d := h.diagnosis
	rows, err := s.readRows()
	if err != nil {
		return err
	}
	run := report.Run{
		Title: "clipgo: " + filepath.Base(s.Out),
		Subtitle: fmt.Sprintf("%s on %s, %.1f million parameters, %s", s.Model, s.train.Info().Name, float64(s.model.ParameterCount())/1e6,
			s.Precision),
		BatchSize: s.global(), Loss: d.Loss(), MaxScale: maxScale, About: s.val.about(), Settings: s.settings(), Rows: rows,
		Evaluations: s.val.history, Examples: s.val.examples(8, 5),
		Anatomy: s.val.anatomy, Sources: s.sourcesTable(),
	}
	if o, ok := s.trainer.Objective.(training.Described); ok {
		run.Curves = o.Curves()
	}
	if run.Chance = s.chance(); s.Objective == siglipObjective {
		run.LossIs = "Sigmoid loss of each logged batch."
	}
	if s.MLMWeight > 0 {
		run.Chance, run.BatchSize, run.Loss, run.LossIs = 0, 0, 0, "What was minimized: the contrastive loss and the weighted loss of "+
			"the masked words."
	}
	if s.Objective == cocaObjective {
		run.Chance, run.BatchSize, run.Loss, run.LossIs = 0, 0, 0, "What was minimized: the weighted sum of the contrastive loss and "+
			"the captions' cross-entropy."
	}
	if s.pairs != nil {
		run.BatchSize, run.Chance, run.LossIs = 0, s.Align.chance(),
			"Pairwise ranking loss of each logged batch, -log sigmoid(better - worse)."
	}
	if s.ppo != nil {
		run.BatchSize, run.Chance = 0, 0 // a policy-gradient loss has no level of guessing
		run.LossIs, run.Rollouts = "PPO's loss of each logged minibatch: the policy's, the value's and the entropy's.", s.rollouts()
		run.Findings = append(run.Findings, s.ppoFindings()...)
	}
	if text := s.perplexityNote(); text != "" {
		run.Findings = append(run.Findings, record.Finding{Kind: record.Note, Text: text})
	}
	run.Findings = append(append(run.Findings, s.findings(d)...), s.bestFindings(h)...)
	return durable.WriteFile(filepath.Join(s.Out, ReportFile), 0o644, func(w io.Writer) error { return report.Write(w, run) })
}

// recall reads the evaluations of earlier sittings, so that the report shows those of the whole run.
func (s *session) recall() error {
	path := filepath.Join(s.Out, EvaluationsFile)
	return bounded.Lines(path, bounded.Log, func(n int, line []byte, _ bool) error {
		var fields map[string]record.Number
		if err := json.Unmarshal(line, &fields); err != nil {
			return fault.Modelf(path, "line %d: %v", n, fault.JSON(err))
		}
		found := report.Evaluation{Step: int(fields["step"])}
		delete(fields, "step")
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			value := s.val.described(name)
			value.Value = float64(fields[name])
			found.Values = append(found.Values, value)
		}
		s.val.history = joined(s.val.history, found)
		return nil
	})
}

func (s *session) settings() []report.Setting {
	v, t := s.ModelCfg.Vision, s.ModelCfg.Text
	line := func(name, format string, args ...any) report.Setting {
		return report.Setting{Name: name, Value: fmt.Sprintf(format, args...)}
	}
	out := []report.Setting{
		line("image tower", "%d layers of %d, %d px in patches of %d", v.Layers, v.Width, v.ImageSize, v.PatchSize),
		line("text tower", "%d layers of %d, context %d", t.Layers, t.Width, t.ContextLength),
		line("training data", "%s, %d pairs", s.train.Info().Name, s.train.Len()),
		line("validation", "%s", s.val.name()),
		line("length", "%s of %d pairs%s", steps(s.Steps), s.global(), s.roundsNote()),
		line("optimizer", "%s, lr %g, wd %g, beta %g and %g, eps %g", s.Optim.Title(), s.Optim.LR, s.Optim.WD, s.Optim.Beta1, s.Optim.Beta2,
			s.Optim.Eps),
		line("schedule", "%s, warm-up %d", s.Schedule.Kind, s.Schedule.Warmup),
		line("seed", "%d", s.Seed),
		line("computed in", "%s on %s", s.Precision, s.Device),
	}
	for _, note := range s.evalNotes() {
		out = append(out, line("evaluation", "%s", note))
	}
	if s.best != nil {
		out = append(out, line("best checkpoint", "%s (%s)", s.best, s.best.Goal))
	}
	if note := s.lockNote(); note != "" {
		out = append(out, line("locked", "%s", strings.Trim(note, " ()")))
	}
	if s.average != nil {
		out = append(out, line("average of the weights", "decay %g; it is what was evaluated and saved", s.EMADecay))
	}
	if !s.Align.on() {
		out = append(out, line("loss", "%s", s.lossNote()))
	}
	if s.Loss.Share > 0 {
		out = append(out, line("label smoothing", "%g over %s", s.Loss.Share, s.Loss.Form))
	}
	if s.Align.on() {
		return append(out, s.alignSettings()...)
	}
	return append(out, line("augmentation", "%s", s.Augment))
}
