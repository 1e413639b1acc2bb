package run

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/eval"
	"clipgo/eval/report"
	"clipgo/internal/durable"
	"clipgo/internal/vec"
	"clipgo/training"
	"clipgo/training/record"
)

// writeReport writes report.html from what the run directory and this sitting know.
func (s *session) writeReport(d *training.Diagnosis) error {
	rows, err := s.readRows()
	if err != nil {
		return err
	}
	run := report.Run{
		Title:     "clipgo: " + filepath.Base(s.Out),
		Subtitle:  fmt.Sprintf("%s on %s, %.1f million parameters, %s", s.Model, s.TrainData, float64(s.model.ParameterCount())/1e6, s.Precision),
		BatchSize: s.effective(), Loss: d.Loss(), MaxScale: maxScale, About: s.val.about(), Settings: s.settings(), Rows: rows, Evaluations: shares(s.val.history), Examples: s.val.examples(8, 5),
		Anatomy: s.val.found,
	}
	if run.Chance = s.chance(); s.Objective == siglipObjective {
		run.LossIs = "Sigmoid loss of each logged batch."
	}
	if s.MLMWeight > 0 {
		run.Chance, run.BatchSize, run.Loss, run.LossIs = 0, 0, 0, "What was minimized: the contrastive loss and the weighted loss of the masked words."
	}
	if s.Objective == cocaObjective {
		run.Chance, run.BatchSize, run.Loss, run.LossIs = 0, 0, 0, "What was minimized: the weighted sum of the contrastive loss and the captions' cross-entropy."
	}
	if s.pairs != nil {
		run.BatchSize, run.Chance, run.LossIs = 0, s.Align.chance(), "Pairwise ranking loss of each logged batch, -log sigmoid(better - worse)."
	}
	if s.ppo != nil {
		run.LossIs, run.Rollouts = "PPO's loss of each logged minibatch: the policy's, the value's and the entropy's.", s.rollouts()
		run.Findings = append(run.Findings, s.ppoFindings()...)
	}
	if text := s.perplexityNote(); text != "" {
		run.Findings = append(run.Findings, record.Finding{Kind: record.Note, Text: text})
	}
	run.Findings = append(run.Findings, d.Findings()...)
	return durable.WriteFile(filepath.Join(s.Out, ReportFile), 0o644, func(w io.Writer) error { return report.Write(w, run) })
}

// recall reads the evaluations of earlier sittings, so that the report shows those of the whole run.
func (s *session) recall() error {
	data, err := os.ReadFile(filepath.Join(s.Out, EvaluationsFile))
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		var fields map[string]float64
		if err := json.Unmarshal(line, &fields); err != nil {
			return fmt.Errorf("%s: %w", EvaluationsFile, err)
		}
		found := report.Evaluation{Step: int(fields["step"])}
		delete(fields, "step")
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			found.Values = append(found.Values, eval.Value{Name: name, Group: groupOf(name), Value: fields[name]})
		}
		s.val.history = append(s.val.history, found)
	}
	return nil
}

func (s *session) settings() []report.Setting {
	v, t := s.ModelCfg.Vision, s.ModelCfg.Text
	line := func(name, format string, args ...any) report.Setting {
		return report.Setting{Name: name, Value: fmt.Sprintf(format, args...)}
	}
	out := []report.Setting{
		line("image tower", "%d layers of %d, %d px in patches of %d", v.Layers, v.Width, v.ImageSize, v.PatchSize),
		line("text tower", "%d layers of %d, context %d", t.Layers, t.Width, t.ContextLength),
		line("training data", "%s, %d pairs", s.TrainData, s.train.Len()),
		line("validation", "%s", s.val.name()),
		line("length", "%s of %d pairs%s", steps(s.Steps), s.effective(), s.roundsNote()),
		line("optimizer", "AdamW, lr %g, wd %g, beta %g and %g, eps %g", s.Optim.LR, s.Optim.WD, s.Optim.Beta1, s.Optim.Beta2, s.Optim.Eps),
		line("schedule", "%s, warm-up %d", s.Schedule.Kind, s.Schedule.Warmup),
		line("seed", "%d", s.Seed),
		line("computed in", "%s on %s", s.Precision, s.Device),
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

// groupOf is the heading under which the report draws a measured value.
func groupOf(name string) string {
	switch kind, _, _ := strings.Cut(name, "_"); kind {
	case "win":
		return winsGroup
	case "caption":
		return ownCaptionsGroup
	case agreementName:
		return agreementGroup
	case "masked":
		return maskedGroup
	case "image":
		return picturesByCaptions
	case "text":
		return captionsByPictures
	default:
		return zeroshotGroup
	}
}

const (
	picturesByCaptions = "Pictures by captions"
	captionsByPictures = "Captions by pictures"
	zeroshotGroup      = "Zero-shot"
	maskedGroup        = "Masked words"
	agreementGroup     = "Agreement with judges"
	winsGroup          = "Wins over the untuned captioner"
	ownCaptionsGroup   = "Pictures by the captions written"
)

// about says what stands under the charts of measured values.
func (v *Validation) about() map[string]string {
	n := v.Source.Len()
	if v.trial != nil {
		return map[string]string{
			winsGroup:        fmt.Sprintf("Share of %d pictures whose new caption the judge gives a higher reward than the untuned captioner's.", n),
			ownCaptionsGroup: fmt.Sprintf("Share of the captions written whose picture comes first among %d, by the features of the untuned model.", n),
		}
	}
	if v.pairs != nil {
		return map[string]string{agreementGroup: fmt.Sprintf("Share of %d pairs of which the side that judges preferred has the higher reward.", v.pairs.Last.Pairs-v.pairs.Last.Ties)}
	}
	return map[string]string{
		picturesByCaptions: fmt.Sprintf("Share of captions whose picture is among the first K of %d pictures.", n),
		captionsByPictures: fmt.Sprintf("Share of %d pictures that have one of their captions among the first K of all captions.", n),
		zeroshotGroup:      fmt.Sprintf("Share of %d pictures whose class is named, among %d classes.", n, len(v.Source.Info().Classes)),
	}
}

// neighbour is a row of a table of features with its cosine.
type neighbour struct {
	row   int
	score float64
}

// nearest finds the rows most similar to a unit feature, best first.
func nearest(query, rows []float32, top int) []neighbour {
	dim := len(query)
	var all []neighbour
	for r := 0; (r+1)*dim <= len(rows); r++ {
		all = append(all, neighbour{r, vec.Dot(query, rows[r*dim:][:dim])})
	}
	slices.SortStableFunc(all, func(a, b neighbour) int { return cmp.Compare(b.score, a.score) })
	return all[:min(top, len(all))]
}
