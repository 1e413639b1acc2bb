package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// scripts are the programs of the other side.
const scripts = "bench/openclip"

// workshop holds the paths of the programs and of their input.
type workshop struct {
	settings
	machine   machine
	threads   int
	libraries []library
	end       time.Time // no row begins after it
}

// library is a libtorch that clipgo runs on.
type library struct {
	Name   string         `json:"name"`   // pytorch or system
	Doctor map[string]any `json:"doctor"` // output of clipgo doctor
	path   string
}

// program names clipgo on this library.
func (l library) program() string { return "clipgo " + l.Name }

func openWorkshop(ctx context.Context, s settings) (*workshop, error) {
	w := &workshop{settings: s, machine: readMachine(), threads: runtime.NumCPU(), end: time.Now().Add(s.limit)}
	for _, name := range []string{"pytorch", "system"} {
		path, err := filepath.Abs(filepath.Join(s.dir, name, "libtch.so"))
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			say("%s does not exist: clipgo isn't measured on that libtorch", path)
			continue
		}
		l := library{Name: name, path: path}
		out, err := w.run(ctx, w.clipgoOn(l, "doctor", "--json"))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(out.stdout, &l.Doctor); err != nil {
			return nil, fmt.Errorf("clipgo doctor: %w", err)
		}
		delete(l.Doctor, "libtorch_path") // results are read on other machines
		w.libraries = append(w.libraries, l)
	}
	if len(w.libraries) == 0 {
		return nil, fmt.Errorf("%s holds no libtorch; make bench-peers makes them", s.dir)
	}
	return w, nil
}

// command is a program to run.
type command struct {
	args, env []string
	before    func() error                        // nil: nothing
	read      func(o output) (measurement, error) // nil: not measured
}

func (w *workshop) clipgoOn(l library, args ...string) command {
	return command{args: append([]string{w.program}, args...), env: []string{"CLIPGO_LIBTCH=" + l.path}}
}

func (w *workshop) python3(script string, args ...string) command {
	return command{args: append([]string{w.python, filepath.Join(scripts, script)}, args...)}
}

// output is the output and the cost of a program.
type output struct {
	stdout []byte
	wall   time.Duration // from its start to its end
	peak   int64         // resident bytes at their most
}

// run runs a program to its end.
func (w *workshop) run(ctx context.Context, c command) (output, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return output{}, err
		}
	}
	p := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	p.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	p.Stdout, p.Stderr = &stdout, &stderr
	begun := time.Now()
	err := p.Run()
	wall := time.Since(begun)
	if err != nil {
		return output{}, fmt.Errorf("%s: %w\n%s", strings.Join(c.args, " "), err, stderr.Bytes())
	}
	return output{stdout.Bytes(), wall, peakBytes(p.ProcessState)}, nil
}

// once creates a file or folder of the workshop with a command that gets its path, unless an earlier run has created it.
func (w *workshop) once(ctx context.Context, name string, making func(path string) command) (string, error) {
	path := filepath.Join(w.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	say("making %s", path)
	made := path + ".new"
	if err := os.RemoveAll(made); err != nil {
		return "", err
	}
	if _, err := w.run(ctx, making(made)); err != nil {
		return "", err
	}
	return path, os.Rename(made, path)
}

func (w *workshop) photos(ctx context.Context, n int) (string, error) {
	return w.once(ctx, fmt.Sprintf("photos-%d", n), func(path string) command {
		return w.python3("photos.py", path, strconv.Itoa(n))
	})
}

func (w *workshop) weights(ctx context.Context, model string) (string, error) {
	return w.once(ctx, "weights-"+model, func(path string) command { return w.python3("weights.py", model, path) })
}

// bestWorkers tries open_clip with each number of worker processes that makes sense.
func (w *workshop) bestWorkers(ctx context.Context, with func(workers int) command) (best int, err error) {
	least := 0.0
	for workers := range runtime.NumCPU() + 1 {
		m, err := program{openCLIP, with(workers)}.measure(ctx, w)
		if err != nil {
			return 0, err
		}
		say("  trial  open_clip, %d workers %s", workers, m)
		if least == 0 || m.Seconds < least {
			least, best = m.Seconds, workers
		}
	}
	return best, nil
}

// errNoBF16 leaves a row out.
var errNoBF16 = errors.New("this CPU doesn't multiply bfloat16: neither AMX nor AVX512-BF16")

// multiplies reports whether the CPU supports a precision in hardware. Without support bf16 is about thirty times slower than f32.
func (w *workshop) multiplies(precision string) error {
	if precision == bf16 && w.machine.BF16 == "" {
		return errNoBF16
	}
	return nil
}

// contextLength reads a model config of the repository.
func contextLength(config string) (int, error) {
	data, err := os.ReadFile(config)
	if err != nil {
		return 0, err
	}
	var c struct {
		Text struct {
			ContextLength int `json:"context_length"`
		} `json:"text_cfg"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return 0, fmt.Errorf("read %s: %w", config, err)
	}
	return c.Text.ContextLength, nil
}
