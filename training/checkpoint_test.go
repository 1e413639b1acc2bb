package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/durable"
)

// saved runs a toy for some steps and saves as the settings say. It returns the names of the checkpoints that are left.
func saved(t *testing.T, c *Checkpoints, steps int) []string {
	t.Helper()
	tr, _ := newToy(t, steps)
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "checkpoints") // made with the first one
	}
	c.Log = slog.New(slog.DiscardHandler)
	tr.Hooks = []Hook{c}
	if err := tr.Run(t.Context(), some(steps)); err != nil {
		t.Fatal(err)
	}
	dirs, err := list(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range dirs {
		dirs[i] = strings.TrimLeft(strings.TrimPrefix(filepath.Base(dirs[i]), "step-"), "0")
	}
	return dirs
}

func TestCheckpointsComeWhenTheyAreDueAndTheOldOnesGo(t *testing.T) {
	for _, c := range []struct {
		c     Checkpoints
		steps int
		want  []string
	}{
		{Checkpoints{Every: 2, Keep: 3}, 7, []string{"4", "6", "7"}},
		{Checkpoints{Every: 2, Keep: 9}, 6, []string{"2", "4", "6"}},
		{Checkpoints{Keep: 2}, 5, []string{"5"}}, // at the end alone
		{Checkpoints{Every: 1}, 3, []string{"1", "2", "3"}},
		{Checkpoints{Pause: 1, Keep: 9}, 3, []string{"2", "3"}}, // a nanosecond: at each step once the clock runs
	} {
		if got := saved(t, &c.c, c.steps); !slices.Equal(got, c.want) && c.c.Pause == 0 || len(got) == 0 {
			t.Errorf("every %d, keep %d, %d steps: %v, want %v", c.c.Every, c.c.Keep, c.steps, got, c.want)
		}
	}
}

func TestACheckpointHoldsWhatItSays(t *testing.T) {
	c := &Checkpoints{
		State: State{Seed: 7, Data: "abc", Environment: Environment{Threads: 2, Libtorch: "x"}}, Keep: 1,
		Files: []File{{Name: "model.safetensors", Write: func(w io.Writer) error { _, err := io.WriteString(w, "model"); return err }}},
	}
	saved(t, c, 3)
	at, damaged, err := Latest(c.Dir)
	if err != nil || len(damaged) != 0 {
		t.Fatal(at, damaged, err)
	}
	if err := durable.Verify(at); err != nil {
		t.Error(err)
	}
	state, err := ReadState(at)
	want := State{Format: 1, Progress: Progress{Step: 3, Samples: 12, Position: 12}, Seed: 7, Data: "abc",
		Environment: Environment{Threads: 2, Libtorch: "x"}}
	if err != nil || !reflect.DeepEqual(state, want) {
		t.Errorf("got %+v, %v", state, err)
	}
	if data, err := os.ReadFile(filepath.Join(at, "model.safetensors")); err != nil || string(data) != "model" {
		t.Errorf("got %q, %v", data, err)
	}
	tr, _ := newToy(t, 3)
	if err := Restore(context.Background(), at, tr.Optimizer); err != nil {
		t.Error(err)
	}
}

func TestAFileThatCannotBeWrittenLeavesNoCheckpoint(t *testing.T) {
	full := errors.New("no space left")
	tr, _ := newToy(t, 2)
	c := &Checkpoints{Dir: filepath.Join(t.TempDir(), "checkpoints"), Keep: 1, Log: slog.New(slog.DiscardHandler),
		Files: []File{{Name: "model.safetensors", Write: func(io.Writer) error { return full }}}}
	tr.Hooks = []Hook{c}
	if err := tr.Run(t.Context(), some(2)); !errors.Is(err, full) || !strings.Contains(err.Error(), "model.safetensors") {
		t.Errorf("got %v", err)
	}
	if dirs, err := list(c.Dir); err != nil || len(dirs) != 0 {
		t.Errorf("left %v, %v", dirs, err)
	}
	if _, _, err := Latest(c.Dir); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("got %v", err)
	}
}

func TestLatestPassesOverDamage(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"cut short": func(dir string) error { return os.Truncate(filepath.Join(dir, optimizerFile), 100) },
		"one bit": func(dir string) error {
			path := filepath.Join(dir, optimizerFile)
			data, err := os.ReadFile(path)
			data[len(data)-1] ^= 1
			return errors.Join(err, os.WriteFile(path, data, 0o600))
		},
		"a file gone": func(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) },
		"no manifest": func(dir string) error { return os.Remove(filepath.Join(dir, durable.Manifest)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := &Checkpoints{Every: 1}
			saved(t, c, 3)
			at := func(step int) string { return filepath.Join(c.Dir, fmt.Sprintf("step-%08d", step)) }
			for _, step := range []int{3, 2} {
				if err := damage(at(step)); err != nil {
					t.Fatal(err)
				}
			}
			got, damaged, err := Latest(c.Dir)
			if err != nil || got != at(1) || len(damaged) != 2 {
				t.Fatalf("got %s, %v, %v", got, damaged, err)
			}
			if err := damage(at(1)); err != nil {
				t.Fatal(err)
			}
			var corrupt *CorruptError
			if _, _, err := Latest(c.Dir); !errors.As(err, &corrupt) || corrupt.Path != at(3) {
				t.Errorf("got %v, want a *CorruptError of the newest", err)
			}
		})
	}
}

func TestLatestOfNothing(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, _, err := Latest(dir); !errors.Is(err, ErrNoCheckpoint) {
			t.Errorf("got %v", err)
		}
	}
}

// Steps beyond eight digits still come after those before.
func TestCheckpointsAreOrderedByStep(t *testing.T) {
	dir := t.TempDir()
	names := []string{"step-00000002", "step-00000010", "step-99999999", "step-100000000"}
	for _, n := range append(slices.Clone(names), "step-1", "other", "step-00000002.tmp") {
		if err := os.Mkdir(filepath.Join(dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dirs, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range dirs {
		dirs[i] = filepath.Base(dirs[i])
	}
	if !slices.Equal(dirs, names) {
		t.Errorf("got %v", dirs)
	}
}

func TestAnotherFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{`{"format": 2}`: "format 2", `{`: "state.json"} {
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadState(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCutBackKeepsTheLinesUpToAStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	for _, c := range []struct {
		name, before, after string
	}{
		{"later lines", "{\"step\":1}\n{\"step\":2,\"loss\":null}\n{\"step\":3}\n", "{\"step\":1}\n{\"step\":2,\"loss\":null}\n"},
		{"a torn line", "{\"step\":1}\n{\"step\":2", "{\"step\":1}\n"},
		{"a whole last line without its end", "{\"step\":1}\n{\"step\":2}", "{\"step\":1}\n{\"step\":2}\n"},
		{"lines of something else", "{\"epoch\":1}\n\nword\n{\"step\":2}\n", "{\"step\":2}\n"},
		{"nothing", "", ""},
	} {
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CutBack(path, 2); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != c.after {
			t.Errorf("%s: %q, want %q, %v", c.name, data, c.after, err)
		}
	}
	if err := CutBack(path+"x", 2); err != nil {
		t.Errorf("a missing file: %v", err)
	}
}

// TestSkipsAfterTheLastStepAreSaved passes over samples once the last step has been saved.
func TestSkipsAfterTheLastStepAreSaved(t *testing.T) {
	tr, _ := newToy(t, 9)
	c := &Checkpoints{Dir: filepath.Join(t.TempDir(), "checkpoints"), Every: 1, Log: slog.New(slog.DiscardHandler)}
	tr.Hooks = []Hook{c}
	batches := func(yield func(*datasets.Batch, error) bool) {
		if yield(batch(0), nil) {
			tr.SkipBatch(&datasets.Batch{Next: 6, Skipped: make([]datasets.Skip, 2), Replaced: 1})
		}
	}
	if err := tr.Run(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
	path, _, err := Latest(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	state, err := ReadState(path)
	if err != nil {
		t.Fatal(err)
	}
	if state.Progress != tr.Progress || state.Skipped != 2 || state.Replaced != 1 || state.Position != 6 || state.Step != 1 {
		t.Errorf("saved %+v, the training is at %+v", state.Progress, tr.Progress)
	}
}
