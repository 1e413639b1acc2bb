package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/training"
	"clipgo/training/record"
)

// hooks are what happens after each step of a sitting, and what they have seen.
type hooks struct {
	session   *session
	list      []training.Hook
	bar       Bar
	diagnosis *training.Diagnosis
	row       record.Row
	logged    time.Time
	warned    bool            // that pictures lose their transparency
	fullLoss  float64         // of the last step with a full batch; NaN before
	saidSkip  map[string]bool // samples that have been skipped
	again     int             // times that they were skipped again
	ended     bool            // the data ended before the last step
	tried     int             // step of the last evaluation, even if it failed
	stopped   string          // why the run ended before its last step; empty: it didn't
	signal    syscall.Signal  // to another process, which ended the run
	failed    bool            // a hook has
}

// maxScale is what CLIP's clamp allows.
const maxScale = 100

func (s *session) hooks() *hooks {
	nan := record.Number(math.NaN())
	h := &hooks{session: s, logged: time.Now(), fullLoss: math.NaN(), row: record.Row{Loss: nan, Scale: nan}}
	if !s.voices.leads() {
		h.bar = noBar{}
		return h
	}
	h.diagnosis = &training.Diagnosis{Schedule: s.Schedule, Batch: s.contrasted(), MaxScale: maxScale, Chance: s.chance(),
		Part: s.judged(), Learned: s.learned, Dedup: s.DedupTargets, Estimated: s.ppo != nil}
	s.saver = s.checkpoints()
	for _, f := range h.diagnosis.BeforeRun() {
		s.console.Log.Warn(f.Text)
	}
	if now := s.environment(); s.resumed != "" && now != s.state.Environment {
		s.console.Log.Warn("precision, device, threads, processes, CPU features or libtorch have changed since the checkpoint: the result "+
			"may not be bit-identical to an uninterrupted run",
			"before", fmt.Sprintf("%+v", s.state.Environment), "now", fmt.Sprintf("%+v", now))
	}
	n := float64(s.epoch())
	metrics := &training.Metrics{W: s.dir.metrics, Every: s.LogFrequency, Epoch: func(p int64) float64 { return float64(p) / n },
		Fill: s.fillRow, Show: h.show}
	h.bar = s.console.Bar("train", int64(s.Steps))
	h.bar.Set(int64(s.state.Step))
	// The other hooks finish what they began; an evaluation ends with an interrupt. A step is saved before what isn't needed to train.
	evaluate := HookFunc(func(_ context.Context, e training.Event) error {
		return s.voices.whileBusy(func(ctx context.Context) error { return h.evaluate(ctx, e) })
	})
	h.list = []training.Hook{HookFunc(h.skips), HookFunc(h.progress), h.diagnosis, metrics, HookFunc(s.mix), h.busy(s.saving()), evaluate,
		h.busy(HookFunc(h.report))}
	h.noteFailures()
	return h
}

// HookFunc is a function as a hook.
type HookFunc func(ctx context.Context, e training.Event) error

// After calls the function.
func (f HookFunc) After(ctx context.Context, e training.Event) error { return f(ctx, e) }

// watch sees the batches on their way to the trainer: the last error may carry samples that were skipped.
func (h *hooks) watch(batches iter.Seq2[*datasets.Batch, error]) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		for b, err := range batches {
			if err != nil && b != nil {
				err = errors.Join(err, h.record(b.Skipped, h.session.trainer.Progress.Step+1))
			}
			if b != nil && b.N == 0 && err == nil {
				// Only unusable samples were left: no step, but they count.
				if err = h.record(b.Skipped, h.session.trainer.Progress.Step); err == nil {
					h.session.accounts.Add(b, nil)
					h.session.trainer.SkipBatch(b)
					continue
				}
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// SkipLine is a line of skipped.jsonl.
type SkipLine struct {
	Step int `json:"step"`
	datasets.Skip
}

// sayOnce warns of a sample the first time that it is skipped: it is skipped again in each epoch, which finish counts.
func (h *hooks) sayOnce(s datasets.Skip) {
	if h.saidSkip == nil {
		h.saidSkip = map[string]bool{}
	}
	if key := s.Source + "\x00" + s.Key; !h.saidSkip[key] {
		h.saidSkip[key] = true
		h.session.console.skipped(s)
		return
	}
	h.again++
}

func (h *hooks) skips(_ context.Context, e training.Event) error {
	if e.Replayed {
		return nil
	}
	h.session.count(e)
	return h.record(e.Batch.OfAll().Skipped, e.Step)
}

func (h *hooks) record(skips []datasets.Skip, step int) error {
	for _, s := range skips {
		h.sayOnce(s)
	}
	return h.session.writeSkips(skips, step)
}

// writeSkips adds lines to skipped.jsonl.
func (s *session) writeSkips(skips []datasets.Skip, step int) error {
	for _, skip := range skips {
		line, err := json.Marshal(SkipLine{step, skip})
		if err != nil {
			return err
		}
		if _, err := s.dir.skipped.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// enoughPictures is how many pictures have been read when a warning counts those among them that it concerns.
const enoughPictures = 512

// warnOfTransparency warns once, after a number of pictures.
func (h *hooks) warnOfTransparency(after int64) {
	s := h.session
	all, _ := s.seen.Counts()
	if h.warned || all < min(after, int64(s.train.Len())) {
		return
	}
	if warning := s.seen.Warning(s.Preprocess); warning != "" {
		s.console.Log.Warn(warning)
		h.warned = true
	}
}

func (h *hooks) progress(_ context.Context, e training.Event) error {
	s := h.session
	h.bar.Set(int64(e.Step))
	h.warnOfTransparency(enoughPictures)
	if !e.Replayed && !e.Pending && !e.Skipped && (s.Align.on() || e.Batch.N == s.effective()) {
		h.fullLoss = e.Loss
	}
	if e.Skipped && !e.Replayed {
		h.session.console.Log.Warn("the loss or a gradient was not finite: skipped the step", "step", e.Step)
	}
	if e.MicroBatch > 0 && !e.Replayed {
		h.session.starved(e)
	}
	return nil
}

// show puts a line of metrics.jsonl on the bar, or into the log where there is none.
func (h *hooks) show(r record.Row) {
	h.row = r
	text := fmt.Sprintf("loss %.3f  scale %.1f  %.0f pairs/s", float64(r.Loss), float64(r.Scale), r.Pairs)
	h.bar.Describe(text)
	const often = 5 * time.Second
	if !h.bar.Shown() && (time.Since(h.logged) >= often || r.Step == h.session.Steps) {
		h.logged = time.Now()
		h.session.console.Log.Info("step", "step", r.Step, "of", h.session.Steps, "loss", round4(float64(r.Loss)), "scale",
			digits3(float64(r.Scale)), "lr", digits3(r.LR), "pairs_per_second", math.Round(r.Pairs), "data_wait", digits3(r.Wait))
	}
}

// digits3 rounds to three digits.
func digits3(v float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return short
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// finish tells what the steps have shown.
func (h *hooks) finish() {
	h.warnOfTransparency(1)
	h.session.warnOfNoBest()
	if h.again > 0 {
		h.session.console.Log.Info(fmt.Sprintf("%d samples were skipped again in later epochs, see %s", h.again, SkippedFile), "samples",
			len(h.saidSkip))
	}
	for _, f := range h.session.findings(h.diagnosis) {
		switch f.Kind {
		case record.Warning:
			h.session.console.Log.Warn(f.Text)
		default:
			h.session.console.Log.Info(f.Text)
		}
	}
}

// readRows reads the metrics of the whole run, earlier sittings included.
func (s *session) readRows() ([]record.Row, error) {
	f, err := bounded.Open(filepath.Join(s.Out, MetricsFile), bounded.Log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return record.ReadRows(f)
}
