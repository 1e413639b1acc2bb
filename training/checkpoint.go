package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// The files of a checkpoint that training writes itself.
const (
	stateFile     = "state.json"
	optimizerFile = "optimizer.safetensors"
	stateFormat   = 1
)

// State is what a checkpoint says about the run, apart from the model's parameters.
type State struct {
	Format int `json:"format"`
	Progress
	Seed       uint64 `json:"seed"`
	Data       string `json:"data_fingerprint"`
	Validation string `json:"validation_fingerprint"`
	// Evaluations are the fingerprints of further data that is evaluated on, by its name.
	Evaluations map[string]string `json:"evaluation_fingerprints,omitempty"`
	DataLength  int64             `json:"data_length"` // samples in an epoch; Position / DataLength is the epoch
	Environment Environment       `json:"environment"`
}

// Environment is what else the exact bytes of a resumed run depend on, apart from its inputs.
type Environment struct {
	Precision string `json:"precision"`
	TF32      bool   `json:"tf32,omitempty"`
	Device    string `json:"device"`
	Threads   int    `json:"threads"`
	Libtorch  string `json:"libtorch"`
	CPU       string `json:"cpu_features"`
	Processes int    `json:"processes,omitempty"` // 0: one
}

// File is a file that the owner of the model adds to each checkpoint.
type File = durable.File

// Checkpoints writes, finds and prunes the checkpoints of a run.
type Checkpoints struct {
	Dir   string        // the run's checkpoints/
	Every int           // steps between checkpoints; 0: only by time and at the end
	Pause time.Duration // time between checkpoints, if it is over before Every steps; 0: only by steps
	Keep  int           // number of checkpoints to keep
	// Pinned is the step of a checkpoint that is kept as well; 0: none.
	Pinned int
	Files  []File
	State  State // Format and Progress are filled in
	Log    *slog.Logger
	Guard  func() error // is called before each save, whose error refuses it; nil: none
	// Optimizer writes the optimizer's state; nil: its WriteState. With a Shard that is what all processes do together.
	Optimizer func(io.Writer) error

	saved time.Time
	last  Progress        // of the newest checkpoint
	valid map[string]bool // checkpoints that have been verified
}

// After saves when a checkpoint is due.
func (c *Checkpoints) After(ctx context.Context, e Event) error {
	if c.saved.IsZero() {
		c.saved = time.Now()
	}
	due := c.Every > 0 && e.Step%c.Every == 0 || c.Pause > 0 && time.Since(c.saved) >= c.Pause
	if !due && !e.Last || c.last == e.Trainer.Progress {
		return nil
	}
	return c.saveTwice(ctx, e.Trainer)
}

// saveTwice saves, and tries once more if that fails.
func (c *Checkpoints) saveTwice(ctx context.Context, t *Trainer) error {
	if err := t.Sync(ctx); err != nil {
		return err
	}
	err := c.save(t)
	var diverged *DivergedError
	if err == nil || errors.As(err, &diverged) || c.Guard != nil && c.Guard() != nil {
		return err
	}
	c.Log.Warn("a checkpoint can't be saved: trying once more", "error", err)
	return c.save(t)
}

// Pin saves the step that the trainer is at, unless it is saved, and keeps its checkpoint until another one is pinned.
func (c *Checkpoints) Pin(ctx context.Context, t *Trainer) error {
	if c.last != t.Progress {
		if _, err := Check(StepDir(c.Dir, t.Progress.Step)); err != nil {
			if err := c.saveTwice(ctx, t); err != nil {
				return err
			}
		}
	}
	c.Pinned = t.Progress.Step
	return nil
}

// Prune removes the checkpoints that are neither among the newest ones nor pinned.
func (c *Checkpoints) Prune() {
	if c.last == (Progress{}) {
		return
	}
	if err := c.prune(StepDir(c.Dir, c.last.Step)); err != nil { // the next save will remove them
		c.Log.Warn("old checkpoints can't be removed", "error", err)
	}
}

func (c *Checkpoints) save(t *Trainer) error {
	begun := time.Now()
	if c.Guard != nil {
		if err := c.Guard(); err != nil {
			return fmt.Errorf("save checkpoint: %w", err)
		}
	}
	if err := durable.MkdirAll(c.Dir); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	dir := StepDir(c.Dir, t.Progress.Step)
	state := c.State
	state.Format, state.Progress = stateFormat, t.Progress
	optimizer := c.Optimizer
	if optimizer == nil {
		optimizer = t.Optimizer.WriteState
	}
	files := append(slices.Clone(c.Files),
		File{Name: optimizerFile, Write: optimizer},
		File{Name: stateFile, Write: func(w io.Writer) error { return durable.EncodeJSON(w, state) }})
	err := durable.WriteFiles(dir, files)
	if bad, ok := errors.AsType[*nn.NotFiniteError](err); ok {
		kept, _, _ := Latest(c.Dir)
		return &DivergedError{At: t.Progress.Step, Tensor: bad.Name, Kept: kept}
	}
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if _, err := Check(dir); err != nil {
		return fmt.Errorf("verify new checkpoint: %w", err)
	}
	c.saved, c.last = time.Now(), t.Progress
	c.Log.Debug("checkpoint", "path", dir, "seconds", time.Since(begun).Seconds())
	c.Prune()
	return nil
}

// ReadState reads a checkpoint's State.
func ReadState(checkpoint string) (State, error) {
	var s State
	data, err := bounded.ReadFile(filepath.Join(checkpoint, stateFile), bounded.Record)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(checkpoint, stateFile), fault.JSON(err))
	}
	if s.Format != stateFormat {
		return s, fmt.Errorf("%s: format %d, this program reads %d", filepath.Join(checkpoint, stateFile), s.Format, stateFormat)
	}
	return s, nil
}

// Restore loads the optimizer's state from a checkpoint. The caller loads the model's parameters.
func Restore(ctx context.Context, checkpoint string, o *optim.AdamW) error {
	path := filepath.Join(checkpoint, optimizerFile)
	file, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer file.Close()
	return torch.Do(ctx, func(*torch.Scope) error { return o.ReadState(file) })
}
