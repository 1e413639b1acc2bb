package run

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"clipgo/eval"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/training/dist"
)

const tinyModel = `{"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 16, "patch_size": 16},
	"text_cfg": {"context_length": 16, "width": 16, "heads": 1, "layers": 1}}`

// opened is a session of a short training with further settings that is about to make its first step, and what it says.
func opened(ctx context.Context, t *testing.T, settings ...string) (*session, *bytes.Buffer) {
	t.Helper()
	torchtest.Need(t)
	model := filepath.Join(t.TempDir(), "tiny.json")
	if err := os.WriteFile(model, []byte(tinyModel), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := New(ctx, append([]string{"train_data=builtin:shapes?n=64", "model=" + model, "batch_size=8", "steps=6", "save_frequency=2",
		"val_frequency=3", "zeroshot_frequency=0", "workers=1", "precision=fp32", "out=" + filepath.Join(t.TempDir(), "run")},
		settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	c := Console{Log: slog.New(slog.NewTextHandler(&said, nil))}
	s := &session{Options: o, console: c.filled(), voices: newVoices(ctx, dist.Alone, 0)}
	t.Cleanup(func() { _ = s.close() })
	for _, open := range []func(context.Context) error{func(context.Context) error { return s.openDir() }, s.openTrain, s.openData,
		s.findCheckpoint, s.openModel, func(context.Context) error { return s.record() }} {
		if err := open(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return s, &said
}

// saved lists a run's checkpoints.
func saved(t *testing.T, s *session) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Out, pretrained.CheckpointsDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, strings.TrimLeft(strings.TrimPrefix(e.Name(), "step-"), "0"))
	}
	return names
}

// fake is an evaluator that a test decides about.
type fake struct{ evaluate func(context.Context) error }

func (f fake) Name() string                   { return "fake" }
func (f fake) Describe() (d eval.Description) { return d }
func (f fake) Evaluate(ctx context.Context) ([]eval.Value, error) {
	return []eval.Value{{Name: "fake", Value: 1}}, f.evaluate(ctx)
}

// addFake adds an evaluator that is due with the others.
func (s *session) addFake(evaluate func(context.Context) error) {
	s.val.evaluators = append(s.val.evaluators, scheduled{fake{evaluate}, s.retrievalDue})
}

// TestAnEvaluationEndsNoTraining has evaluations that fail, and some that are a mistake of the program.
func TestAnEvaluationEndsNoTraining(t *testing.T) {
	for name, evaluate := range map[string]func(context.Context) error{
		"fails":  func(context.Context) error { return errors.New("no picture") },
		"panics": func(context.Context) error { panic("slice bounds") },
	} {
		t.Run(name, func(t *testing.T) {
			s, said := opened(t.Context(), t)
			s.addFake(func(ctx context.Context) error {
				if step := s.trainer.Progress.Step; step%2 == 0 && !slices.Contains(saved(t, s), strconv.Itoa(step)) {
					t.Errorf("step %d is evaluated before it is saved", step)
				}
				return evaluate(ctx)
			})
			r, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := saved(t, s); !slices.Equal(got, []string{"2", "4", "6"}) {
				t.Errorf("saved %v", got)
			}
			if r.Values["failed_evaluations"] != 2 || !strings.Contains(strings.Join(r.Text, "\n"), "2 evaluations failed") {
				t.Errorf("%v\n%v", r.Values, r.Text)
			}
			if n := strings.Count(said.String(), "an evaluation failed"); n != 2 {
				t.Errorf("said %d times:\n%s", n, said)
			}
		})
	}
}

// TestAnInterruptDuringAnEvaluationSaves interrupts the evaluation of step 3: that step is saved, and the next sitting evaluates it.
func TestAnInterruptDuringAnEvaluationSaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, _ := opened(ctx, t)
	s.addFake(func(ctx context.Context) error { cancel(); return ctx.Err() })
	_, err := s.run(ctx)
	stopped, ok := errors.AsType[*InterruptedError](err)
	if !ok || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	step, err := training.Check(filepath.Join(s.Out, pretrained.CheckpointsDir, "step-00000003"))
	if stopped.Step != 3 || err != nil || step.Step != 3 {
		t.Fatalf("%v, and the checkpoint is %+v, %v", stopped, step.Progress, err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.closers = nil
	o, err := New(t.Context(), "resume=latest", "out="+s.Out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Train(t.Context(), o, Console{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.Out, EvaluationsFile))
	if err != nil || strings.Count(string(data), "\n") != 2 || !strings.Contains(string(data), `"step":3`) {
		t.Errorf("evaluations of steps 3 and 6:\n%s%v", data, err)
	}
}

// TestAReportEndsNoTraining can't write report.html.
func TestAReportEndsNoTraining(t *testing.T) {
	s, said := opened(t.Context(), t)
	if err := os.Mkdir(filepath.Join(s.Out, ReportFile), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := saved(t, s); !slices.Equal(got, []string{"2", "4", "6"}) {
		t.Errorf("saved %v", got)
	}
	if r.Values["report_error"] == nil || strings.Count(said.String(), "can't write the report") == 0 {
		t.Errorf("%v\n%s", r.Values, said)
	}
}

// TestARunDirectoryThatIsGoneEndsTheRun removes the directory between two checkpoints: nothing is written in its place.
func TestARunDirectoryThatIsGoneEndsTheRun(t *testing.T) {
	s, _ := opened(t.Context(), t)
	s.addFake(func(context.Context) error { return os.RemoveAll(s.Out) })
	_, err := s.run(t.Context())
	if err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), "removed, renamed or replaced") {
		t.Errorf("got %v", err)
	}
	if err := s.close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s.closers = nil
	if _, err := os.Stat(s.Out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", s.Out, err)
	}
}

// TestALinkIsNotWrittenThrough has a link in place of a file that the run writes.
func TestALinkIsNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("text"), 0o600), os.Symlink(victim, filepath.Join(dir, LogFile))); err != nil {
		t.Fatal(err)
	}
	if f, err := openRegular(filepath.Join(dir, LogFile), os.O_APPEND); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v, %v", f, err)
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "text" {
		t.Errorf("the link's target holds %q, %v", data, err)
	}
}

// TestLinesThatCantBeWrittenWait closes the file of a ledger for a while.
func TestLinesThatCantBeWrittenWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	failures := 0
	l, err := openLedger(path, func(string, error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	write := func(line string) {
		t.Helper()
		if _, err := l.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	good := l.file
	if l.file, err = os.Open(path); err != nil { // for reading only: each write fails
		t.Fatal(err)
	}
	write("2")
	write("3")
	_ = l.file.Close()
	l.file = good
	write("4")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "1\n2\n3\n4\n" || failures != 1 {
		t.Errorf("the file has %q, %d failures reported, %v", data, failures, err)
	}
}
