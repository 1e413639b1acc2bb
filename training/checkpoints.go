package training

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

const stepPrefix = "step-"

var stepName = regexp.MustCompile(`^` + stepPrefix + `\d{8,}$`)

// StepDir is the directory of a step's checkpoint in a run's checkpoints.
func StepDir(dir string, step int) string {
	return filepath.Join(dir, fmt.Sprintf(stepPrefix+"%08d", step))
}

// stepOf is the step that a checkpoint's name says; ok is false for another name.
func stepOf(checkpoint string) (step int, ok bool) {
	name := filepath.Base(checkpoint)
	if !stepName.MatchString(name) {
		return 0, false
	}
	step, err := strconv.Atoi(strings.TrimPrefix(name, stepPrefix))
	return step, err == nil
}

// Check verifies a checkpoint and returns its state: every file is as it was written, and the step in its name, if it has one, is that
// of the state.
func Check(checkpoint string) (State, error) {
	if err := durable.Verify(checkpoint); err != nil {
		return State{}, err
	}
	s, err := ReadState(checkpoint)
	if err != nil {
		return s, err
	}
	if named, ok := stepOf(checkpoint); ok && named != s.Step {
		return s, fmt.Errorf("its name says step %d, but it was saved at step %d", named, s.Step)
	}
	return s, nil
}

// prune keeps the newest Keep checkpoints that verify and the pinned one, and removes all before them. The one just written has been
// verified.
func (c *Checkpoints) prune(written string) error {
	dirs, err := list(c.Dir)
	if err != nil || c.Keep <= 0 || len(dirs) <= c.Keep {
		return err
	}
	if c.valid == nil {
		c.valid = map[string]bool{}
	}
	c.valid[written] = true
	kept := 0
	for _, d := range slices.Backward(dirs) {
		if at, _ := stepOf(d); kept == c.Keep && at == c.Pinned && at > 0 {
			continue
		}
		if kept == c.Keep {
			if err := durable.RemoveAll(d); err != nil {
				return fmt.Errorf("remove old checkpoint: %w", err)
			}
			continue
		}
		if !c.valid[d] {
			_, err := Check(d)
			c.valid[d] = err == nil
		}
		if c.valid[d] {
			kept++
		}
	}
	return nil
}

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
		return strings.Compare(a, b)
	})
	return dirs, nil
}

// Later lists the checkpoints of steps after the given one, oldest first: those that verify, and those that are damaged. An error of the
// file system says nothing about a checkpoint and is returned.
func Later(dir string, step int) (valid, damaged []string, err error) {
	dirs, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		if at, ok := stepOf(d); !ok || at <= step {
			continue
		}
		_, err := Check(d)
		var gone *os.PathError
		switch {
		case err == nil:
			valid = append(valid, d)
		case errors.As(err, &gone) && !errors.Is(err, os.ErrNotExist):
			return nil, nil, fmt.Errorf("%s can't be read: %w", d, err)
		default:
			damaged = append(damaged, d)
		}
	}
	return valid, damaged, nil
}

// Adopt makes a checkpoint, which verifies, the one of its step in a run's checkpoints, by a copy unless it is there already.
func Adopt(checkpoint, dir string) error {
	s, err := ReadState(checkpoint)
	if err != nil {
		return err
	}
	to := StepDir(dir, s.Step)
	if same(checkpoint, to) {
		return nil
	}
	if err := durable.MkdirAll(dir); err != nil {
		return fmt.Errorf("copy checkpoint: %w", err)
	}
	entries, err := os.ReadDir(checkpoint)
	if err != nil {
		return err
	}
	var files []File
	for _, e := range entries {
		if e.Name() == durable.Manifest {
			continue
		}
		path := filepath.Join(checkpoint, e.Name())
		files = append(files, File{Name: e.Name(), Write: func(w io.Writer) error { return copyFile(w, path) }})
	}
	if err := durable.WriteFiles(to, files); err != nil {
		return fmt.Errorf("copy checkpoint: %w", err)
	}
	return nil
}

// Replaces reports whether Adopt would replace another checkpoint, which verifies.
func Replaces(checkpoint, dir string) (path string, replaces bool, err error) {
	s, err := ReadState(checkpoint)
	if err != nil {
		return "", false, err
	}
	to := StepDir(dir, s.Step)
	if same(checkpoint, to) {
		return to, false, nil
	}
	_, err = Check(to)
	return to, err == nil, nil
}

// same reports whether two paths are one directory, or two checkpoints with the same content by their manifests.
func same(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	if err1 != nil || err2 != nil {
		return false
	}
	if os.SameFile(first, second) {
		return true
	}
	one, err1 := bounded.ReadFile(filepath.Join(a, durable.Manifest), bounded.Manifest)
	two, err2 := bounded.ReadFile(filepath.Join(b, durable.Manifest), bounded.Manifest)
	return err1 == nil && err2 == nil && string(one) == string(two) && durable.Verify(b) == nil
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
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
		if _, err := Check(d); err != nil {
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
