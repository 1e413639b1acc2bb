package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/durable/crashtest"
	"clipgo/internal/nn"
)

// crashing is a toy's training that saves after each step, on a recorded disk. It saves step 4 twice, since samples are skipped after it.
func crashing(t *testing.T, fail func(int, durable.Operation) error) (*crashtest.Disk, string, error) {
	t.Helper()
	root := filepath.Join(inMemory(t), "run")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	tr, _ := newToy(t, 9)
	c := &Checkpoints{Dir: filepath.Join(root, "checkpoints"), Every: 1, Keep: 2, Log: slog.New(slog.DiscardHandler)}
	c.Files = []File{{Name: "model.safetensors", Write: func(w io.Writer) error { return nn.Write(w, tr.Objective.Params(), nil) }}}
	disk, stop := crashtest.Record(root, fail)
	defer stop()
	tr.Hooks = []Hook{c, marker{disk}}
	err := tr.Run(t.Context(), func(yield func(*datasets.Batch, error) bool) {
		for i := range int64(4) {
			if !yield(batch(4*i), nil) {
				return
			}
		}
		tr.SkipBatch(&datasets.Batch{Next: 99, Skipped: make([]datasets.Skip, 1)})
	})
	return disk, c.Dir, err
}

// marker notes on the disk which step has been saved.
type marker struct{ disk *crashtest.Disk }

func (m marker) After(_ context.Context, e Event) error { m.disk.Mark(e.Step); return nil }

// TestAfterEveryCrashThereIsTheLastCheckpoint stops the machine at every moment of four saves, with every kind of loss: the newest
// checkpoint is whole, and no older than the last save that had returned.
func TestAfterEveryCrashThereIsTheLastCheckpoint(t *testing.T) {
	disk, _, err := crashing(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	losses := [][2]crashtest.Loss{
		{crashtest.Nothing, crashtest.Nothing}, {crashtest.Nothing, crashtest.Everything}, {crashtest.Everything, crashtest.Nothing},
		{crashtest.Everything, crashtest.Everything},
	}
	for range 11 {
		losses = append(losses, [2]crashtest.Loss{random.IntN, random.IntN})
	}
	states, base := 0, inMemory(t)
	for moment := range disk.Moments() {
		disk.At(moment)
		for _, loss := range losses {
			states++
			dir := filepath.Join(base, fmt.Sprint(states))
			if err := disk.Write(dir, loss[0], loss[1]); err != nil {
				t.Fatal(err)
			}
			if err := survived(filepath.Join(dir, "checkpoints"), saveOf(disk, moment)); err != nil {
				t.Errorf("moment %d, state %d: %v", moment, states, err)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	if t.Logf("%d states of %d moments", states, disk.Moments()); states < 2000 {
		t.Errorf("only %d states", states)
	}
}

// inMemory is a temporary directory, in memory where there is such a file system: its syncs take no time.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "clipgo-crash-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// saveOf is the last step whose save had returned at a moment.
func saveOf(disk *crashtest.Disk, moment int) (step int) {
	for _, m := range disk.Marks {
		if m.Changes <= moment {
			step = m.Value
		}
	}
	return step
}

// survived opens checkpoints as a resumed run does and looks for one of a step or a later one.
func survived(dir string, step int) error {
	if err := durable.Sweep(dir); err != nil && (step > 0 || !errors.Is(err, os.ErrNotExist)) {
		return err
	}
	path, _, err := Latest(dir)
	if step == 0 && errors.Is(err, ErrNoCheckpoint) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("no checkpoint of step %d: %w", step, err)
	}
	state, err := Check(path)
	if err != nil {
		return err
	}
	if state.Step < step {
		return fmt.Errorf("the newest checkpoint is of step %d, but %d was saved", state.Step, step)
	}
	return nil
}

// TestAnOperationThatFailsLosesNothing has each operation of the saves fail once, as on a full or broken disk.
func TestAnOperationThatFailsLosesNothing(t *testing.T) {
	whole := 0
	if _, _, err := crashing(t, func(int, durable.Operation) error { whole++; return nil }); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= whole; n++ {
		var failed durable.Operation
		disk, dir, err := crashing(t, func(number int, o durable.Operation) error {
			if number != n {
				return nil
			}
			failed = o
			return syscall.EIO
		})
		if err != nil { // a save is tried twice
			t.Errorf("%s %s: %v", failed.Kind, failed.Path, err)
		}
		if err := survived(dir, saveOf(disk, disk.Moments())); err != nil {
			t.Errorf("%s %s failed: %v", failed.Kind, failed.Path, err)
		}
	}
	t.Logf("%d operations failed", whole)
}
