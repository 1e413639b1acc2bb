package main

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/need"
	"clipgo/internal/torch/torchtest"
)

// torchrunVariable names a torchrun that isn't in PATH, as that of pip's torch in a virtual environment.
const torchrunVariable = "CLIPGO_TORCHRUN"

// torchrunArgs are spelled as every version knows them. 1.13 doesn't know its own defaults of redirects and tee with Python 3.11.
var torchrunArgs = []string{"--standalone", "--nproc_per_node", "2", "--redirects", "2", "--tee", "2", "--no_python"}

// launchers are the commands that start a program in two processes here, by the first name that is there. Further arguments come before
// the last one.
var launchers = map[string]struct {
	names []string
	args  []string
	probe []string // ends with 0 where the launcher works; nil: it does where it is there
}{
	"torchrun": {[]string{cmp.Or(os.Getenv(torchrunVariable), "torchrun")},
		torchrunArgs, nil},
	"torch.distributed.run": {[]string{"/usr/bin/python3"},
		append([]string{"-m", "torch.distributed.run"}, torchrunArgs...),
		[]string{"-c", "import torch"}},
	"OpenMPI": {[]string{"mpirun.openmpi", "mpirun"}, []string{"--allow-run-as-root", "--oversubscribe", "-n", "2"},
		[]string{"--allow-run-as-root", "--oversubscribe", "-n", "1", "true"}},
	"MPICH": {[]string{"mpiexec.hydra"}, []string{"-n", "2"}, nil},
	"Slurm": {[]string{"srun"}, []string{"-n", "2", "--overcommit"}, []string{"-n", "1", "true"}},
}

// launched is a training in two processes that a launcher starts; the test is skipped without it.
func launched(t *testing.T, name string, more []string, args ...string) *exec.Cmd {
	t.Helper()
	return launchedCommand(t, name, more, append([]string{"train", "--threads", "1", "--workers", "1"}, args...)...)
}

// launchedCommand is launched for any command.
func launchedCommand(t *testing.T, name string, more []string, command ...string) *exec.Cmd {
	t.Helper()
	torchtest.NeedProcesses(t)
	l, path := launchers[name], ""
	for _, name := range l.names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		need.Missing(t, need.Launchers, "no %s here", l.names[0])
	}
	if out, err := exec.CommandContext(t.Context(), path, l.probe...).CombinedOutput(); l.probe != nil && err != nil {
		need.Missing(t, need.Launchers, "%s doesn't work here: %v: %s", path, err, out)
	}
	c := process(t, command...)
	last := len(l.args) - 1
	r := exec.CommandContext(t.Context(), path, slices.Concat(l.args[:last], more, l.args[last:], c.Args)...)
	r.Dir = t.TempDir() // python3 -m looks for modules in the current directory first
	r.Env = append(c.Env, "OMP_NUM_THREADS=1", "OMPI_MCA_plm=isolated")
	return r
}

// TestLaunchersStartATraining: two processes of each launcher find each other and make the losses of one process with the whole batch.
func TestLaunchersStartATraining(t *testing.T) {
	one := filepath.Join(t.TempDir(), "one")
	common := []string{"--model", tiny(t), "--train-data", "builtin:shapes?n=96", "--steps", "4", "--log-frequency", "1", "--precision",
		"fp32", "--val-frequency", "0"}
	must(t, append([]string{"train", "--batch-size", "16", "--out", one}, common...)...)
	want := metricRows(t, one)
	for name := range launchers {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			c := launched(t, name, nil, append(common, "--batch-size", "8", "--out", out)...)
			if text, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			got := metricRows(t, out)
			if len(got) != len(want) {
				t.Fatalf("%d steps, want %d", len(got), len(want))
			}
			for i := range want {
				if g, w := float64(got[i].Loss), float64(want[i].Loss); math.Abs(g-w) > 1e-5*w || got[i].Samples != want[i].Samples {
					t.Errorf("step %d: loss %v of %d samples, want %v of %d", i+1, g, got[i].Samples, w, want[i].Samples)
				}
			}
		})
	}
}

// TestTorchrunStartsProcessesAgain: torchrun starts all of them anew when one is killed, and they go on from the last checkpoint.
func TestTorchrunStartsProcessesAgain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	c := launched(t, "torchrun", []string{"--max_restarts", "1"}, small(tiny(t), "builtin:shapes?n=96", out, "--steps", "100000",
		"--save-frequency", "5", "--batch-size", "8", "--resume", "latest")...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	hasSteps(t, out, 7)
	killed := rankOf(t, c.Process.Pid, 1)
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	hasSteps(t, out, 7+bytes.Count(read(t, out, metricsFile), []byte("\n"))) // more than the first sitting can have made
	if again := rankOf(t, c.Process.Pid, 1); again == killed {
		t.Errorf("process %d is still there", killed)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if at := lastStep(t, out); at < 10 {
		t.Errorf("the newest checkpoint is of step %d\n%s", at, &said)
	}
	for i, row := range metricRows(t, out) {
		if row.Step != i+1 {
			t.Fatalf("line %d is of step %d", i+1, row.Step)
		}
	}
}

// rankOf is the process of a rank that a launcher has started.
func rankOf(t *testing.T, launcher, rank int) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range all {
		status, _ := os.ReadFile(filepath.Join(dir, "status")) // it may end meanwhile
		set, _ := os.ReadFile(filepath.Join(dir, "environ"))
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", launcher)) &&
			strings.Contains("\x00"+string(set), fmt.Sprintf("\x00RANK=%d\x00", rank)) {
			pid, err := strconv.Atoi(filepath.Base(dir))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process of rank %d", rank)
	return 0
}
