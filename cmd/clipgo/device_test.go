package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/doctor"
	"clipgo/internal/paths"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// Where there is no CUDA device, every command that computes says so in one line, and leaves nothing behind.
func TestADeviceThatIsNotThereIsRefused(t *testing.T) {
	torchtest.Need(t)
	if info, err := torch.Probe(); err != nil || info.CUDA > 0 {
		t.Skip("there are CUDA devices here")
	}
	model, out := tiny(t), filepath.Join(t.TempDir(), "out")
	picture := write(t, filepath.Join(t.TempDir(), "a.png"), "not looked at")
	for name, args := range map[string][]string{
		"train":    tinyRun(model, out, "--steps", "1"),
		"zeroshot": {"zeroshot", "--model", model, picture, "--classes", "a,b"},
		"embed":    {"embed", "--model", model, filepath.Dir(picture), "--index", out},
		"eval":     {"eval", "retrieval", "--model", model, "builtin:shapes?n=16&split=val"},
		"bench":    {"bench", "train", "--model", model},
	} {
		r := clipgo(t, append(args, "--device", "cuda")...)
		lines := strings.Split(strings.TrimSpace(r.err), "\n")
		if last := lines[len(lines)-1]; r.code != exitUsage || !strings.Contains(last, "--device: cuda: no CUDA device found") {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
		if paths.Exists(out) {
			t.Errorf("%s left %s behind", name, out)
		}
	}
}

// driver is a CUDA driver with an old and a new device, for a machine that has none.
const driver = `
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *n) { *n = 2; return 0; }
int cuDeviceGet(int *device, int i) { *device = 10 + i; return 0; }
int cuDeviceGetName(char *name, int n, int device) { strncpy(name, device == 10 ? "Old card" : "New card", n); return 0; }
int cuDeviceGetAttribute(int *v, int which, int device) {
	*v = which == 75 ? (device == 10 ? 7 : 9) : which == 76 ? (device == 10 ? 5 : 0) : -1;
	return 0;
}
int cuDeviceTotalMem_v2(size_t *n, int device) { *n = (size_t)(device == 10 ? 16 : 80) << 30; return 0; }
`

func TestDoctorKnowsDevicesThatThisLibtorchDoesNot(t *testing.T) {
	torchtest.Need(t)
	if info, err := torch.Probe(); err != nil || info.CUDA > 0 {
		t.Skip("there are CUDA devices here")
	}
	dir := t.TempDir()
	source := write(t, filepath.Join(dir, "driver.c"), driver)
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), source).CombinedOutput(); err != nil {
		t.Skipf("no C compiler: %v: %s", err, out)
	}
	ask := func(args ...string) (result, error) {
		c := process(t, args...)
		c.Env = append(c.Env, "LD_LIBRARY_PATH="+dir+":"+os.Getenv("LD_LIBRARY_PATH"))
		var out, complaint strings.Builder
		c.Stdout, c.Stderr = &out, &complaint
		err := c.Run()
		return result{c.ProcessState.ExitCode(), out.String(), complaint.String()}, err
	}
	r, err := ask("doctor", "--json")
	if err != nil {
		t.Fatal(err, r.err)
	}
	d := decodeJSON[doctor.Diagnosis](t, r)
	want := []doctor.GPU{{Name: "Old card", Capability: "7.5", Memory: 16 << 30},
		{Name: "New card", Capability: "9.0", Memory: 80 << 30, BF16: true}}
	if len(d.GPUs) != 2 || d.GPUs[0] != want[0] || d.GPUs[1] != want[1] ||
		!strings.Contains(strings.Join(d.Advice, " "), "set LIBTORCH to a CUDA build") {
		t.Errorf("%+v", d)
	}
	r, _ = ask("bench", "train", "--model", tiny(t), "--device", "cuda")
	if r.code != exitUsage || !strings.Contains(r.err, "the driver knows 2 CUDA devices") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// A run on a device is a run like others: recorded, resumed, and read by a CPU.
func TestARunOnCUDA(t *testing.T) {
	torchtest.NeedCUDA(t)
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	args := append(tinyRun(model, out, "--steps", "30", "--log-frequency", "10"), "--device", "cuda")
	must(t, append(args, "--stop-after", "15")...)
	must(t, "train", "--out", out, "--resume", "latest")
	data, err := os.ReadFile(filepath.Join(out, pretrained.RunFile))
	if err != nil || !strings.Contains(string(data), `"device": "cuda:0"`) {
		t.Errorf("run.json does not name the device: %v", err)
	}
	must(t, "eval", "retrieval", "--model", out, "builtin:shapes?n=16&split=val", "--device", "cpu", "--json")
}
