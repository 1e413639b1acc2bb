package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// host measures how much time of a training step clipgo spends in Go code: calls of libtorch, the loop, the garbage collector. It runs only
// clipgo.
type host struct {
	steps
}

func (h *host) describe() string { return "Go's share of " + h.steps.describe() }

func (h *host) openCLIP(*workshop) command { return command{} }

func (h *host) clipgo(w *workshop, l library) command {
	c := h.steps.clipgo(w, l)
	profile := filepath.Join(w.dir, "cpu.pprof")
	c.args = append(c.args, "--cpu-profile", profile)
	c.read = func(o output) (measurement, error) {
		m, err := medianStep(o)
		if err != nil {
			return m, err
		}
		top, err := exec.Command("go", "tool", "pprof", "-top", "-unit=ms", "-nodecount=100000", "-nodefraction=0", w.program,
			profile).Output()
		if err != nil {
			return m, fmt.Errorf("go tool pprof: %w", err)
		}
		milliseconds, err := hostMilliseconds(string(top))
		var total float64
		for _, s := range m.Steps {
			total += 1e3 * s
		}
		m.HostShare = milliseconds / total
		return m, err
	}
	return c
}

// native matches the names under which a profile counts time outside of Go: a call of C, or a library in brackets.
func native(name string) bool {
	return strings.HasPrefix(name, "[") || name == "runtime.cgocall" || name == "runtime._ExternalCode"
}

// hostMilliseconds adds up the time in Go code, of all threads together, in what `go tool pprof -top -unit=ms` prints.
func hostMilliseconds(top string) (sum float64, err error) {
	_, lines, ok := strings.Cut(top, "flat%")
	if !ok {
		return 0, fmt.Errorf("pprof printed no table:\n%s", top)
	}
	for l := range strings.Lines(lines) {
		f := strings.Fields(l)
		if len(f) < 6 || !strings.HasSuffix(f[0], "ms") && f[0] != "0" || native(f[5]) {
			continue
		}
		ms, err := strconv.ParseFloat(strings.TrimSuffix(f[0], "ms"), 64)
		if err != nil {
			return 0, fmt.Errorf("pprof printed %q: %w", l, err)
		}
		sum += ms
	}
	return sum, nil
}
