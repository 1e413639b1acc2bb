package training

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training/record"
)

func TestNumbersThatAreNotFiniteNeverReachTheWeights(t *testing.T) {
	for name, spoil := range map[string]func(*torch.Tensor) *torch.Tensor{
		"infinite loss": infiniteLoss, "loss not a number": nanLoss, "infinite gradient": infiniteGradient,
	} {
		t.Run(name, func(t *testing.T) {
			tr, o := newToy(t, 100)
			o.spoil[2] = spoil
			before := o.values(t)
			step := func() Stats {
				st, err := tr.Step(t.Context(), batch(tr.Progress.Position))
				if err != nil {
					t.Fatal(err)
				}
				return st
			}
			if st := step(); st.Skipped || slices.Equal(o.values(t), before) {
				t.Fatal("a good step did not move the weights")
			}
			before = o.values(t)
			if st := step(); !st.Skipped || !slices.Equal(o.values(t), before) || o.after != 1 {
				t.Errorf("%+v moved the weights", st)
			}
			if name == "infinite gradient" && !record.Finite(tr.lastLoss(t, o)) {
				t.Error("the loss was not finite either")
			}
			if st := step(); st.Skipped || slices.Equal(o.values(t), before) {
				t.Errorf("%+v: the step after the bad one did not move the weights", st)
			}
			if tr.Progress != (Progress{Step: 3, Samples: 12, Position: 12, BadSteps: 1}) {
				t.Errorf("progress %+v", tr.Progress)
			}
			for _, v := range o.values(t) {
				if !record.Finite(float64(v)) {
					t.Fatal("the optimizer's state was spoilt")
				}
			}
		})
	}
}

// lastLoss is the loss of a spoilt pass.
func (t *Trainer) lastLoss(tt *testing.T, o *toy) (loss float64) {
	o.steps = 1
	err := torch.DoGrad(tt.Context(), func(s *torch.Scope) error {
		parts, err := o.Accumulate(s, batch(0))
		loss = parts.Loss
		t.Optimizer.DropGradients()
		return err
	})
	if err != nil {
		tt.Fatal(err)
	}
	return loss
}

func TestTenBadStepsInARowEndATraining(t *testing.T) {
	tr, o := newToy(t, 100)
	for i := range 9 {
		o.spoil[2+i] = nanLoss // nine, then a good one
	}
	for i := range 10 {
		o.spoil[13+i] = nanLoss
	}
	r := &recorder{}
	tr.Hooks = []Hook{r}
	var diverged *DivergedError
	if err := tr.Run(t.Context(), forever(t.Context())); !errors.As(err, &diverged) {
		t.Fatalf("got %v, want a *DivergedError", err)
	}
	if diverged.Steps != 10 || diverged.At != 22 || tr.Progress.Step != 22 || tr.Progress.BadSteps != 19 {
		t.Errorf("%+v after %+v", diverged, tr.Progress)
	}
	if last := r.events[len(r.events)-1]; !last.Last || last.Done {
		t.Errorf("the hooks received %+v", last)
	}
}

// An interrupt during a step lets it finish, the hooks see it as the last of the sitting, Run returns the reason.
func TestAnInterruptFinishesTheStepAndSaves(t *testing.T) {
	tr, _ := newToy(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{at: map[int]func() error{3: func() error { cancel(); return nil }}}
	tr.Hooks = []Hook{r}
	err := tr.Run(ctx, forever(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	last := r.events[len(r.events)-1]
	if !last.Last || last.Done || last.Step != tr.Progress.Step {
		t.Errorf("the last event is %+v at %+v", last, tr.Progress)
	}
	if tr.Progress.Step > 4 {
		t.Errorf("%d steps after an interrupt at the third", tr.Progress.Step)
	}
}

// An interrupt while waiting for data: the hooks receive the step that turned out to be the last once more.
func TestAnInterruptWhileWaitingSaves(t *testing.T) {
	tr, _ := newToy(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{}
	tr.Hooks = []Hook{r}
	err := tr.Run(ctx, func(yield func(*datasets.Batch, error) bool) {
		if yield(batch(0), nil) {
			cancel()
			yield(nil, ctx.Err())
		}
	})
	if !errors.Is(err, context.Canceled) || len(r.events) != 2 {
		t.Fatalf("got %v after %d events", err, len(r.events))
	}
	if r.events[0].Last || !r.events[1].Last || !r.events[1].Replayed || r.events[1].Step != 1 {
		t.Errorf("events %+v", r.events)
	}
}

func TestAnInterruptBeforeTheFirstStepTellsNobody(t *testing.T) {
	tr, _ := newToy(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &recorder{}
	tr.Hooks = []Hook{r}
	if err := tr.Run(ctx, forever(ctx)); !errors.Is(err, context.Canceled) || len(r.events) != 0 {
		t.Errorf("got %v after %d events", err, len(r.events))
	}
}

func TestRunEndsWhereItShould(t *testing.T) {
	broken := errors.New("unreadable")
	for _, c := range []struct {
		name      string
		steps     int
		stopAfter int
		batches   iter.Seq2[*datasets.Batch, error]
		made      int
		done      bool
		want      error
	}{
		{"at the schedule's end", 3, 0, some(9), 3, true, nil},
		{"after a sitting", 9, 2, some(9), 2, false, nil},
		{"where the data ends", 9, 0, some(4), 4, true, nil},
		{"without data", 9, 0, some(0), 0, false, nil},
		{"on an error", 9, 0, func(yield func(*datasets.Batch, error) bool) { _ = yield(batch(0), nil) && yield(nil, broken) }, 1, false,
			broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, _ := newToy(t, c.steps)
			tr.StopAfter = c.stopAfter
			r := &recorder{}
			tr.Hooks = []Hook{r}
			if err := tr.Run(t.Context(), c.batches); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if tr.Progress.Step != c.made {
				t.Errorf("%d steps, want %d", tr.Progress.Step, c.made)
			}
			if n := len(r.events); n > 0 && c.want == nil && (!r.events[n-1].Last || r.events[n-1].Done != c.done) {
				t.Errorf("the last event is %+v", r.events[n-1])
			}
		})
	}
	tr, o := newToy(t, 3)
	tr.Progress.Step = 3
	if err := tr.Run(t.Context(), some(9)); err != nil || o.steps != 0 {
		t.Errorf("a complete training made %d more steps, %v", o.steps, err)
	}
}

// A hook's error ends the run; later hooks receive the step as the last one.
func TestAHooksErrorEndsTheRun(t *testing.T) {
	full := errors.New("disk full")
	tr, _ := newToy(t, 9)
	first, second := &recorder{at: map[int]func() error{2: func() error { return full }}}, &recorder{}
	tr.Hooks = []Hook{first, second}
	if err := tr.Run(t.Context(), some(9)); !errors.Is(err, full) || len(second.events) != 2 || !second.events[1].Last {
		t.Errorf("got %v; the second hook saw %+v", err, second.events)
	}
}

func TestInterruptedAtTheLastStepIsComplete(t *testing.T) {
	tr, _ := newToy(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	tr.Hooks = []Hook{&recorder{at: map[int]func() error{2: func() error { cancel(); return nil }}}}
	if err := tr.Run(ctx, some(9)); err != nil {
		t.Errorf("got %v", err)
	}
}

// Each step is once in the metrics, whichever way the run ends.
func TestMetricsHaveOneLineAStep(t *testing.T) {
	for _, c := range []struct {
		name  string
		every int
		n     int
		want  []string
	}{
		{"on a line", 2, 4, []string{`{"step":2,"samples":8,"epoch":2,`, `{"step":4,"samples":16,"epoch":4,`}},
		{"between lines", 3, 4, []string{`{"step":3,"samples":12,"epoch":3,`, `{"step":4,"samples":16,"epoch":4,`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, _ := newToy(t, 100)
			var out bytes.Buffer
			m := &Metrics{W: &out, Every: c.every, Epoch: func(at int64) float64 { return float64(at) / 4 }}
			tr.Hooks = []Hook{m}
			if err := tr.Run(t.Context(), some(c.n)); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("lines %q", lines)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d is %s, want %s...", i, lines[i], want)
				}
			}
		})
	}
}

// Two steps of 8 samples, each half a second of waiting and one and a half of work: 4 a second, however long hooks take.
func TestRatesLeaveOutWhatHooksTake(t *testing.T) {
	var got []record.Row
	m := &Metrics{W: io.Discard, Every: 2, Epoch: func(int64) float64 { return 0 }, Show: func(r record.Row) { got = append(got, r) }}
	for step := 1; step <= 4; step++ {
		e := Event{Trainer: &Trainer{}, Batch: &datasets.Batch{N: 8}, Wait: time.Second / 2, Took: 3 * time.Second / 2}
		e.Step = step
		if err := m.After(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range got {
		if r.Pairs != 4 || r.Wait != 0.25 {
			t.Errorf("step %d: %g pairs a second, waiting for %g of the time", r.Step, r.Pairs, r.Wait)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d rows", len(got))
	}
}

// TestAFailingHookSavesTheStep has a hook that fails before and after the one that saves.
func TestAFailingHookSavesTheStep(t *testing.T) {
	wrong := errors.New("wrong")
	for _, first := range []bool{true, false} {
		tr, _ := newToy(t, 100)
		c := &Checkpoints{Dir: filepath.Join(t.TempDir(), "checkpoints"), Log: slog.New(slog.DiscardHandler)}
		failing := &recorder{at: map[int]func() error{3: func() error { return wrong }}}
		if tr.Hooks = []Hook{c, failing}; first {
			tr.Hooks = []Hook{failing, c}
		}
		if err := tr.Run(t.Context(), forever(t.Context())); !errors.Is(err, wrong) {
			t.Fatalf("got %v", err)
		}
		path, _, err := Latest(c.Dir)
		if err != nil || filepath.Base(path) != "step-00000003" {
			t.Errorf("first %t: saved %s, %v", first, path, err)
		}
	}
}

// TestAFailingStepSavesTheOneBefore has a step whose forward pass fails, and one that fails while the parameters are updated.
func TestAFailingStepSavesTheOneBefore(t *testing.T) {
	tr, o := newToy(t, 100)
	c := &Checkpoints{Dir: filepath.Join(t.TempDir(), "checkpoints"), Log: slog.New(slog.DiscardHandler)}
	tr.Hooks = []Hook{c}
	o.spoil[3] = func(l *torch.Tensor) *torch.Tensor {
		return l.Add(torch.Zeros(torch.NewScope(), torch.Float32, torch.CPU, 2, 3))
	}
	if err := tr.Run(t.Context(), forever(t.Context())); err == nil {
		t.Fatal("the step did not fail")
	}
	if path, _, err := Latest(c.Dir); err != nil || filepath.Base(path) != "step-00000002" {
		t.Errorf("saved %s, %v", path, err)
	}
}

// TestWeightsThatAreNotFiniteAreNotSaved takes a step of a rate that is too large: the checkpoint before it stays the newest.
func TestWeightsThatAreNotFiniteAreNotSaved(t *testing.T) {
	tr, _ := newToy(t, 100)
	c := &Checkpoints{Dir: filepath.Join(t.TempDir(), "checkpoints"), Every: 1, Keep: 1, Log: slog.New(slog.DiscardHandler)}
	c.Files = []File{{Name: "model.safetensors", Write: func(w io.Writer) error { return nn.Write(w, tr.Objective.Params(), nil) }}}
	tr.Hooks = []Hook{c, &recorder{at: map[int]func() error{3: func() error { tr.LR = 1e39; return nil }}}}
	var diverged *DivergedError
	if err := tr.Run(t.Context(), forever(t.Context())); !errors.As(err, &diverged) {
		t.Fatalf("got %v, want a *DivergedError", err)
	}
	path, damaged, err := Latest(c.Dir)
	if err != nil || len(damaged) > 0 || filepath.Base(path) != "step-00000003" {
		t.Errorf("saved %s, %v, %v", path, damaged, err)
	}
	if text := diverged.Error(); diverged.At != 4 || !strings.Contains(text, "learning rate") || !strings.Contains(text, path) {
		t.Errorf("%+v: %s", diverged, text)
	}
}
