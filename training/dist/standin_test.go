package dist_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// standInVariable names the folder of the substitute for CUDA's runtime and NCCL, which make test-nccl builds.
const standInVariable = "CLIPGO_TEST_STANDIN"

// standIn is the variables with which a process has two devices that aren't there.
func standIn(t *testing.T, more ...string) []string {
	t.Helper()
	folder := os.Getenv(standInVariable)
	if folder == "" {
		t.Skip("there is no substitute; make test-nccl builds it")
	}
	t.Cleanup(func() {
		files, _ := filepath.Glob("/dev/shm/clipgo-standin-*")
		for _, file := range files {
			_ = os.Remove(file)
		}
	})
	return append([]string{"LD_PRELOAD=" + filepath.Join(folder, "standin.so"), "LD_LIBRARY_PATH=" + folder}, more...)
}

// PyTorch's engine of NCCL exchanges what lies on two devices that a substitute gives it. Kernels do nothing there, so what needs one is
// left to the tests named OnCUDA.
func TestExchangesOverTheStandIn(t *testing.T) {
	played(t, "one card", 1, standIn(t)...)
	played(t, "cards without kernels", 2, standIn(t)...)
}

// A process that ends within an exchange is named after the deadline by the other one, which ends by itself.
func TestAProcessLostOverTheStandIn(t *testing.T) {
	for victim := range 2 {
		all := launched(t, "lost on a card", 2, standIn(t, victimVariable+"="+strconv.Itoa(victim), timeoutVariable+"=4s")...)
		err, said := all[1-victim].Wait(), strings.TrimSpace(all[1-victim].err.String())
		named := strings.Contains(said, "rank "+strconv.Itoa(victim)) && !strings.Contains(said, "\n")
		if all[1-victim].ProcessState.ExitCode() != 1 || !named {
			t.Errorf("without rank %d: %v: %s", victim, err, said)
		}
		_ = all[victim].Wait()
	}
}

func withoutKernels(g dist.Group, _ *bytes.Buffer) error {
	ctx, d := context.Background(), torch.Device(g.Rank())
	if err := dist.On(ctx, g, d); err != nil {
		return err
	}
	for range 3 {
		err := torch.Do(ctx, func(s *torch.Scope) error {
			return errors.Join(gatherOnCards(s, g, d), sumOnCards(s, g, d), broadcastOnCards(s, g, d), agrees(s, g, nil))
		})
		if err != nil {
			return err
		}
	}
	return g.Barrier()
}
