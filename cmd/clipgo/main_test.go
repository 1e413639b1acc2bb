package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/torch/torchtest"
)

// asCommand makes the test binary behave as clipgo itself, for tests that need a process of their own.
const asCommand = "CLIPGO_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	code := m.Run()
	_ = os.RemoveAll(sharedRuns())
	os.Exit(code)
}

// sharedRuns is a directory of this process for what several tests only read.
func sharedRuns() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("clipgo-test-%d", os.Getpid()))
}

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

// clipgo runs a command line in this process.
func clipgo(t testing.TB, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := dispatch(context.Background(), args, streams{out: &out, err: &err})
	return result{code, out.String(), err.String()}
}

// must is clipgo, which has to succeed.
func must(t testing.TB, args ...string) result {
	t.Helper()
	r := clipgo(t, args...)
	if r.code != 0 {
		t.Fatalf("clipgo %s: exit %d\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return r
}

// process prepares a command line in a process of its own.
func process(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), asCommand+"=1")
	return c
}

// decodeJSON reads the one object that a command printed.
func decodeJSON[T any](t testing.TB, r result) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("not one JSON object: %v\n%s", err, r.out)
	}
	return v
}

// measuredIn is the JSON of a measurement without what was measured.
func measuredIn(r result) string {
	_, numbers, _ := strings.Cut(r.out, `"data":`)
	return numbers
}

// tiny writes the config of a model that trains hundreds of steps a second and returns its path.
func tiny(t testing.TB) string {
	t.Helper()
	torchtest.Need(t)
	return write(t, filepath.Join(t.TempDir(), "tiny.json"), `{
		"embed_dim": 32,
		"vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
		"text_cfg": {"context_length": 16, "width": 32, "heads": 2, "layers": 1}
	}`)
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tinyRun is the command line of a short training; more comes behind it.
func tinyRun(model, out string, more ...string) []string {
	return append([]string{"train", "--train-data", "builtin:shapes?n=400", "--val-data", "builtin:shapes?split=val&n=40", "--model", model,
		"--out", out, "--batch-size", "16", "--steps", "40", "--precision", "fp32", "--val-frequency", "0", "--zeroshot-frequency", "0",
		"--set", "aug_cfg.scale=0.8,1"}, more...)
}
