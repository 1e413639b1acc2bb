// Package torchtest runs tests that use libtorch.
package torchtest

import (
	"context"
	"errors"
	"testing"

	"clipgo/internal/need"
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

// Need ends the test by the rule of package need where libtorch can't be loaded.
func Need(t testing.TB) {
	t.Helper()
	if err := torch.Load(); errors.Is(err, torch.ErrUnavailable) {
		need.Missing(t, need.Libtorch, "libtorch can't be loaded: %v", err)
	}
}

// NeedCUDA gives the first CUDA device, and ends the test by the rule of package need where there is none.
func NeedCUDA(t testing.TB) torch.Device {
	t.Helper()
	info, err := torch.Probe()
	if err != nil || info.CUDA == 0 {
		need.Missing(t, need.CUDA, "libtorch sees no CUDA device: %v", err)
	}
	return 0
}

// NeedProcesses ends the test by the rule of package need where several processes can't be joined.
func NeedProcesses(t testing.TB) {
	t.Helper()
	Need(t)
	if err := torch.LoadProcesses(); err != nil {
		need.Missing(t, need.Libtorch, "processes can't be joined: %v", err)
	}
}
