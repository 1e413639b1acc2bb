package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
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
	Seed        uint64      `json:"seed"`
	Data        string      `json:"data_fingerprint"`
	Validation  string      `json:"validation_fingerprint"`
	DataLength  int64       `json:"data_length"` // samples in an epoch; Position / DataLength is the epoch
	Environment Environment `json:"environment"`
}

// Environment is what else the exact bytes of a resumed run depend on, apart from its inputs.
type Environment struct {
	Precision string `json:"precision"`
	TF32      bool   `json:"tf32,omitempty"`
	Device    string `json:"device"`
	Threads   int    `json:"threads"`
	Libtorch  string `json:"libtorch"`
	CPU       string `json:"cpu_features"`
}

// File is a file that the owner of the model adds to each checkpoint.
type File = durable.File

// Checkpoints writes, finds and prunes the checkpoints of a run.
type Checkpoints struct {
	Dir   string        // the run's checkpoints/
	Every int           // steps between checkpoints; 0: only by time and at the end
	Pause time.Duration // time between checkpoints, if it is over before Every steps; 0: only by steps
	Keep  int           // number of checkpoints to keep
	Files []File
	State State // Format and Progress are filled in
	Log   *slog.Logger

	saved time.Time
	last  Progress // of the newest checkpoint
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
	if err := e.Trainer.Sync(ctx); err != nil {
		return err
	}
	return c.save(e.Trainer)
}

func (c *Checkpoints) save(t *Trainer) error {
	begun := time.Now()
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	dir := filepath.Join(c.Dir, fmt.Sprintf("step-%08d", t.Progress.Step))
	state := c.State
	state.Format, state.Progress = stateFormat, t.Progress
	files := append(slices.Clone(c.Files),
		File{Name: optimizerFile, Write: t.Optimizer.WriteState},
		File{Name: stateFile, Write: func(w io.Writer) error { return durable.EncodeJSON(w, state) }})
	if err := durable.WriteFiles(dir, files); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	c.saved, c.last = time.Now(), t.Progress
	c.Log.Debug("checkpoint", "path", dir, "seconds", time.Since(begun).Seconds())
	return c.prune(dir)
}

// prune removes all but the newest Keep checkpoints, after the one just written has been verified.
func (c *Checkpoints) prune(written string) error {
	dirs, err := list(c.Dir)
	if err != nil || c.Keep <= 0 || len(dirs) <= c.Keep {
		return err
	}
	if err := durable.Verify(written); err != nil {
		return fmt.Errorf("verify new checkpoint: %w", err)
	}
	for _, old := range dirs[:len(dirs)-c.Keep] {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("remove old checkpoint: %w", err)
		}
	}
	return nil
}

var stepName = regexp.MustCompile(`^step-\d{8,}$`)

// list gives the checkpoint directories of a run, oldest first.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() && stepName.MatchString(e.Name()) {
			dirs = append(dirs, filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(dirs, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		if a < b {
			return -1
		}
		return 1
	})
	return dirs, nil
}

// DropLater removes the checkpoints of steps after the one from which a run resumes, and returns their paths. They are damaged or
// belong to an abandoned continuation; a later resume must not take them for the run's newest.
func DropLater(dir string, step int) (dropped []string, err error) {
	dirs, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		at, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(d), "step-"))
		if err != nil || at <= step {
			continue
		}
		if err := os.RemoveAll(d); err != nil {
			return dropped, fmt.Errorf("remove later checkpoint: %w", err)
		}
		dropped = append(dropped, d)
	}
	return dropped, nil
}

// ErrNoCheckpoint reports that a run has no checkpoint.
var ErrNoCheckpoint = errors.New("no checkpoint")

// CorruptError reports that none of a run's checkpoints verifies.
type CorruptError struct {
	Path string // the newest
	Err  error
}

func (e *CorruptError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

// Fault is the error's kind.
func (e *CorruptError) Fault() fault.Kind { return fault.Model }

// Latest returns the newest checkpoint that verifies, and the errors of newer ones that don't, newest first.
func Latest(dir string) (path string, damaged []error, err error) {
	dirs, err := list(dir)
	if err != nil {
		return "", nil, err
	}
	for _, d := range slices.Backward(dirs) {
		if err := durable.Verify(d); err != nil {
			damaged = append(damaged, &CorruptError{Path: d, Err: err})
			continue
		}
		return d, damaged, nil
	}
	if len(damaged) > 0 {
		return "", damaged, damaged[0]
	}
	return "", nil, ErrNoCheckpoint
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
