package dist_test

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"clipgo/internal/need"
	"clipgo/internal/torch/torchtest"
)

// torchrunVariable names a torchrun that isn't in PATH.
const torchrunVariable = "CLIPGO_TORCHRUN"

// Groups that a launcher of its own starts: it says where the processes are, and its way of ending them is used.
func TestLaunchers(t *testing.T) {
	t.Parallel()
	// torchrun of PyTorch 1.13 knows the spelling with underscores only, and with Python 3.11 it fails without -r and -t.
	for name, command := range map[string][]string{
		"torchrun": {cmp.Or(os.Getenv(torchrunVariable), "torchrun"), "--standalone", "--nproc_per_node", "2", "--no_python",
			"-r", "1", "-t", "1", os.Args[0]},
		"mpirun": {"mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", os.Args[0]},
	} {
		t.Run(name, func(t *testing.T) {
			torchtest.NeedProcesses(t)
			if _, err := exec.LookPath(command[0]); err != nil {
				need.Missing(t, need.Launchers, "%v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // torchrun alone takes long to start
			defer cancel()
			c := exec.CommandContext(ctx, command[0], command[1:]...)
			c.Env = append(os.Environ(), partVariable+"=operations", "OMP_NUM_THREADS=1", "OMPI_MCA_plm=isolated")
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := strings.Count(string(out), "\n"); n < 10 {
				t.Errorf("%d lines:\n%s", n, out)
			}
		})
	}
}
