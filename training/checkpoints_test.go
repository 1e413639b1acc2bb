package training

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/durable"
)

// copied makes a copy of a directory of files.
func copied(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestANameThatIsNotTheStatesStepIsNoCheckpoint has a whole checkpoint under a later step's name.
func TestANameThatIsNotTheStatesStepIsNoCheckpoint(t *testing.T) {
	c := &Checkpoints{Every: 1}
	saved(t, c, 3)
	copied(t, filepath.Join(c.Dir, "step-00000002"), filepath.Join(c.Dir, "step-00000999"))
	path, damaged, err := Latest(c.Dir)
	if err != nil || filepath.Base(path) != "step-00000003" || len(damaged) != 1 {
		t.Errorf("got %s, %v, %v", path, damaged, err)
	}
	if _, err := Check(filepath.Join(c.Dir, "step-00000999")); err == nil || !strings.Contains(err.Error(), "step 999") {
		t.Errorf("got %v", err)
	}
}

// TestOnlyWhatVerifiesCountsForKeep has directories that look like later checkpoints.
func TestOnlyWhatVerifiesCountsForKeep(t *testing.T) {
	c := &Checkpoints{Every: 1, Keep: 2, Dir: filepath.Join(t.TempDir(), "checkpoints")}
	for _, name := range []string{"step-99999998", "step-99999999"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got := saved(t, c, 4); !slices.Equal(got, []string{"3", "4", "99999998", "99999999"}) {
		t.Errorf("left %v", got)
	}
}

func TestLaterTellsWholeCheckpointsFromDamagedOnes(t *testing.T) {
	c := &Checkpoints{Every: 1}
	saved(t, c, 4)
	if err := os.Truncate(filepath.Join(c.Dir, "step-00000003", stateFile), 1); err != nil {
		t.Fatal(err)
	}
	valid, damaged, err := Later(c.Dir, 2)
	if err != nil || len(valid) != 1 || len(damaged) != 1 || filepath.Base(valid[0]) != "step-00000004" {
		t.Errorf("got %v, %v, %v", valid, damaged, err)
	}
}

// TestAdoptCopiesAWholeCheckpoint takes one of another run over.
func TestAdoptCopiesAWholeCheckpoint(t *testing.T) {
	one, other := &Checkpoints{Every: 1}, &Checkpoints{Every: 1, State: State{Seed: 5}}
	saved(t, one, 2)
	saved(t, other, 3)
	from, to := filepath.Join(other.Dir, "step-00000002"), filepath.Join(one.Dir, "step-00000002")
	if _, replaces, err := Replaces(from, one.Dir); !replaces || err != nil {
		t.Errorf("step 2 of the other run replaces step 2: %t, %v", replaces, err)
	}
	for range 2 { // the second time it is there
		if err := Adopt(from, one.Dir); err != nil {
			t.Fatal(err)
		}
		if s, err := Check(to); err != nil || s.Seed != 5 {
			t.Errorf("got %+v, %v", s, err)
		}
	}
	if _, replaces, err := Replaces(from, one.Dir); replaces || err != nil {
		t.Errorf("a copy of it replaces it: %t, %v", replaces, err)
	}
	if err := os.Truncate(filepath.Join(to, stateFile), 1); err != nil { // its MANIFEST is still that of from
		t.Fatal(err)
	}
	if err := Adopt(from, one.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(to); err != nil {
		t.Errorf("a damaged copy is taken for the checkpoint: %v", err)
	}
	if err := durable.Verify(from); err != nil {
		t.Error(err)
	}
}

// hookFunc is a function as a hook.
type hookFunc func(ctx context.Context, e Event) error

func (f hookFunc) After(ctx context.Context, e Event) error { return f(ctx, e) }

// leftIn lists the steps of a run's checkpoints.
func leftIn(t *testing.T, c *Checkpoints) (steps []int) {
	t.Helper()
	dirs, err := list(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		step, _ := stepOf(d)
		steps = append(steps, step)
	}
	return steps
}

// A pinned checkpoint stays beside the newest ones until another one is pinned.
func TestAPinnedCheckpointStays(t *testing.T) {
	c := &Checkpoints{}
	pin := func(steps ...int) Hook {
		return hookFunc(func(ctx context.Context, e Event) error {
			if !slices.Contains(steps, e.Step) || e.Replayed {
				return nil
			}
			err := c.Pin(ctx, e.Trainer)
			c.Prune()
			return err
		})
	}
	for _, one := range []struct {
		pins []int
		want []int
	}{{[]int{3}, []int{3, 8}}, {[]int{3, 5}, []int{5, 8}}, {[]int{8}, []int{8}}, {nil, []int{8}}} {
		*c = Checkpoints{Every: 2, Keep: 1, Dir: filepath.Join(t.TempDir(), "checkpoints"), Log: slog.New(slog.DiscardHandler)}
		tr, _ := newToy(t, 8)
		tr.Hooks = []Hook{c, pin(one.pins...)}
		if err := tr.Run(t.Context(), some(8)); err != nil {
			t.Fatal(err)
		}
		if got := leftIn(t, c); !slices.Equal(got, one.want) {
			t.Errorf("pinned %v: %v, want %v", one.pins, got, one.want)
		}
	}
}

// A hook that stops the training makes the step the last one, which is saved, and the training complete.
func TestAHookStopsTheTraining(t *testing.T) {
	c := &Checkpoints{Every: 100, Keep: 1, Dir: filepath.Join(t.TempDir(), "checkpoints"), Log: slog.New(slog.DiscardHandler)}
	var events []Event
	record := hookFunc(func(_ context.Context, e Event) error { events = append(events, e); return nil })
	tr, _ := newToy(t, 8)
	tr.Hooks = []Hook{record, c, hookFunc(func(_ context.Context, e Event) error {
		if e.Step == 3 {
			return ErrStop
		}
		return nil
	}), record}
	if err := tr.Run(t.Context(), some(8)); err != nil {
		t.Fatal(err)
	}
	if got := leftIn(t, c); !slices.Equal(got, []int{3}) {
		t.Errorf("saved %v", got)
	}
	if n := len(events); n != 7 || !events[n-1].Done || !events[n-1].Last || events[n-1].Replayed || !events[n-2].Replayed ||
		!events[n-2].Done {
		t.Errorf("%d events", n)
	}
	tr, _ = newToy(t, 8)
	failed := errors.New("failed")
	tr.Hooks = []Hook{hookFunc(func(context.Context, Event) error { return ErrStop }),
		hookFunc(func(context.Context, Event) error { return failed })}
	if err := tr.Run(t.Context(), some(8)); !errors.Is(err, failed) || errors.Is(err, ErrStop) {
		t.Errorf("got %v", err)
	}
}
