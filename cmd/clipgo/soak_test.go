package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/training"
)

// TestSoakMemoryStaysFlat trains on and on: the number of live handles is the same after every step, and the memory of
// the process stops growing. CLIPGO_SOAK=1 makes it 2,000 steps.
func TestSoakMemoryStaysFlat(t *testing.T) {
	if os.Getenv("CLIPGO_SOAK_ALONE") == "" { // in a process of its own: the memory of other tests hides this one's
		c := exec.Command(os.Args[0], "-test.run=^TestSoakMemoryStaysFlat$", "-test.v")
		c.Env = append(os.Environ(), "CLIPGO_SOAK_ALONE=1")
		if said, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	steps := 300
	if os.Getenv("CLIPGO_SOAK") != "" {
		steps = 2000
	}
	const allowed = 4 // MB: Go's heap breathes by about two
	var grown float64
	for try := range 3 { // a leak grows each time; what other tests of this process left behind settles
		debug.FreeOSMemory()
		o := memoryWatch(t, model, out+strconv.Itoa(try), steps)
		early, late := highest(o.rss[steps/4:steps/2]), highest(o.rss[3*steps/4:])
		t.Logf("RSS at steps %d-%d at most %.1f MB, at steps %d-%d %.1f MB; %d live handles", steps/4, steps/2, early, 3*steps/4, steps,
			late, o.live[0])
		for i, n := range o.live {
			if n != o.live[0] {
				t.Fatalf("%d live handles after step %d, %d after the first", n, i+1, o.live[0])
			}
		}
		if grown = late - early; grown <= allowed {
			return
		}
	}
	t.Errorf("memory grew by %.1f MB in the last of three trainings, allowed are %d", grown, allowed)
}

// watched is what a training looked like from outside, after each step.
type watched struct {
	rss  []float64 // MB
	live []int64
}

func memoryWatch(t *testing.T, model, out string, steps int) *watched {
	t.Helper()
	o, _, err := run.Resolve(t.Context(), pretrained.Hub{}.Find, typed(t, tinyRun(model, out, "--steps", strconv.Itoa(steps))[1:]...)...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConsole(streams{out: &strings.Builder{}, err: &strings.Builder{}}, output{logFormat: "text", quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that Go's garbage hides little
	after := hookFunc(func() error {
		runtime.GC() // with a large heap of other tests, Go would collect none of this one's garbage
		w.rss, w.live = append(w.rss, rss(t)), append(w.live, torch.Live())
		return nil
	})
	if err := (&app{console: c, afterStep: after}).train(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return w
}

// hookFunc is a function that is called after each step.
type hookFunc func() error

// After calls the function.
func (f hookFunc) After(context.Context, training.Event) error { return f() }

// rss is the resident memory of this process in MB.
func rss(t *testing.T) float64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(data))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

func highest(v []float64) float64 {
	var m float64
	for _, x := range v {
		m = max(m, x)
	}
	return m
}
