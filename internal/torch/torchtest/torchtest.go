// Package torchtest runs tests that use libtorch.
package torchtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"clipgo/internal/torch"
)

// Run runs f inside torch.Do and fails the test when handles stay behind. Without libtorch the test is skipped.
func Run(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	run(t, torch.Do, f)
}

// RunGrad is Run with gradients recorded.
func RunGrad(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	run(t, torch.DoGrad, f)
}

type do func(context.Context, func(*torch.Scope) error) error

func run(t *testing.T, do do, f func(s *torch.Scope)) {
	t.Helper()
	Need(t)
	before := torch.Live()
	err := do(t.Context(), func(s *torch.Scope) error {
		f(s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if after := torch.Live(); after != before {
		t.Errorf("%d handles stayed behind\n%s", after-before, torch.Leaks())
	}
}

// WantLibtorch is the environment variable that makes a missing libtorch a failure instead of a skipped test. make test sets it.
const WantLibtorch = "CLIPGO_TEST_LIBTORCH"

// Need skips the test where libtorch can't be loaded.
func Need(t testing.TB) {
	t.Helper()
	err := torch.Load()
	switch {
	case !errors.Is(err, torch.ErrUnavailable):
	case os.Getenv(WantLibtorch) != "":
		t.Fatalf("%s is set, but libtorch can't be loaded: %v", WantLibtorch, err)
	default:
		t.Skip(err)
	}
}

// WantCUDA is the environment variable that makes a missing CUDA device a failure instead of a skipped test.
const WantCUDA = "CLIPGO_TEST_CUDA"

// NeedCUDA gives the first CUDA device, and skips the test where there is none.
func NeedCUDA(t testing.TB) torch.Device {
	t.Helper()
	info, err := torch.Probe()
	switch {
	case err == nil && info.CUDA > 0:
		return 0
	case os.Getenv(WantCUDA) != "":
		t.Fatalf("%s is set, but libtorch sees %d CUDA devices: %v", WantCUDA, info.CUDA, err)
	default:
		t.Skip("there is no CUDA device here")
	}
	return torch.CPU
}

// NeedProcesses skips the test where several processes can't be joined. With WantLibtorch it fails there instead.
func NeedProcesses(t testing.TB) {
	t.Helper()
	Need(t)
	switch err := torch.LoadProcesses(); {
	case err == nil:
	case os.Getenv(WantLibtorch) != "":
		t.Fatalf("%s is set, but processes can't be joined: %v", WantLibtorch, err)
	default:
		t.Skip(err)
	}
}
