package dist_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/torch/torchtest"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// victimVariable names the rank that an exchange is to lose.
const victimVariable = "DIST_TEST_VICTIM"

// exchanges goes on until it fails. The victim ends itself in the middle.
func exchanges(end func() error) part {
	return func(g dist.Group, _ *bytes.Buffer) error {
		for i := 0; ; i++ {
			if i == 20 && g.Rank() == number(victimVariable) {
				return end()
			}
			if _, err := g.Agree(float64(i)); err != nil {
				return err
			}
		}
	}
}

func killed() error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func stopped() error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {}
}

func left() error { return nil }

// Each of the others ends with a line that names the rank that was lost, whichever it is.
func TestALostProcessIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		part, says string
		victims    []int // without CLIPGO_SOAK the first one only, but for left
	}{
		{"killed", "ended or stopped", []int{0, 1}}, {"stopped", "ended or stopped", []int{2, 0}},
		{"left", "left the group before the others", []int{0, 1}},
	} {
		if os.Getenv("CLIPGO_SOAK") == "" && test.part != "left" {
			test.victims = test.victims[:1]
		}
		for _, victim := range test.victims {
			t.Run(fmt.Sprint(test.part, victim), func(t *testing.T) {
				t.Parallel()
				all := launched(t, test.part, 3, victimVariable+"="+strconv.Itoa(victim), timeoutVariable+"=2s")
				for rank, p := range all {
					if rank == victim {
						continue
					}
					err := p.Wait()
					said := strings.TrimSpace(p.err.String())
					gone := fmt.Sprintf("rank %d", victim)
					how := strings.Contains(said, test.says)
					if test.part == "left" && victim == 0 { // its store may have ended before all have read so
						how = how || strings.Contains(said, "ended or stopped")
					}
					named := strings.Contains(said, gone) && how && !strings.Contains(said, "\n")
					if err == nil || p.ProcessState.ExitCode() != 1 || !named {
						t.Errorf("rank %d: %v: %s", rank, err, said)
					}
				}
				_ = all[victim].Process.Kill() // that of the killed one has ended
				_ = all[victim].Wait()
			})
		}
	}
}

// A process that doesn't come to an exchange in time is an error, although it is there.
func TestALateProcessIsAnError(t *testing.T) {
	t.Parallel()
	all := launched(t, "late", 2, timeoutVariable+"=1s")
	if err := all[0].Wait(); err == nil || !strings.Contains(all[0].err.String(), "all 2 processes are there") {
		t.Errorf("%v: %s", err, all[0].err.String())
	}
	_ = all[1].Process.Kill()
	_ = all[1].Wait()
}

func late(g dist.Group, _ *bytes.Buffer) error {
	if g.Rank() == 1 {
		select {}
	}
	return g.Barrier()
}

// What can't join says so in a line, as an error of usage.
func TestProcessesThatCannotJoin(t *testing.T) {
	t.Parallel()
	const twice = "two processes have rank 1 of 3"
	const version = "all processes need one version"
	const missing = "for rank 2 of 3, which didn't join"
	for _, test := range []struct {
		name        string
		more, wants []string // a variable of each process, and what it says
	}{
		{"two of one rank",
			[]string{"", "", rankVariable + "=1"}, []string{twice, twice, twice}},
		{"other versions", []string{"", versionVariable + "=other"}, []string{version, version}},
		{"other worlds", []string{"", worldVariable + "=3"}, []string{"has a WORLD_SIZE of", "has a WORLD_SIZE of"}},
		{"one that doesn't come", []string{worldVariable + "=3", worldVariable + "=3"}, []string{missing, missing}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			torchtest.NeedProcesses(t)
			file := t.TempDir() + "/port"
			all := make([]*process, len(test.more))
			for i := range all {
				world := map[bool]int{true: 3, false: 2}[len(all) == 3]
				wait := "60s"
				if i == 1 && test.wants[0] == missing { // counted from when it has found the master
					wait = "3s"
				}
				all[i] = started(t, "left", i, world, file, test.more[i], joinVariable+"="+wait)
			}
			for i, p := range all {
				err := p.Wait()
				said := strings.TrimSpace(p.err.String())
				if err == nil || p.ProcessState.ExitCode() != 2 || !strings.Contains(said, test.wants[i]) || strings.Contains(said, "\n") {
					t.Errorf("process %d: %v: %s", i, err, said)
				}
			}
		})
	}
}

func TestAMasterThatIsNotThere(t *testing.T) {
	t.Parallel()
	torchtest.NeedProcesses(t)
	o := dist.Options{JoinTimeout: 3 * time.Second}
	begun := time.Now()
	_, err := dist.Join(context.Background(), launch.Place{Rank: 1, World: 2, Master: "127.0.0.1", Port: 1}, o)
	if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "no master at 127.0.0.1:1") {
		t.Error(err)
	}
	if took := time.Since(begun); took < time.Second || took > 30*time.Second { // it may come later
		t.Errorf("it took %v", took)
	}
}

func TestAPortThatAnotherHas(t *testing.T) {
	t.Parallel()
	torchtest.NeedProcesses(t)
	other, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	_, err = dist.Join(context.Background(), launch.Place{World: 2, Master: "127.0.0.1", Port: port},
		dist.Options{JoinTimeout: time.Second})
	if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), fmt.Sprint("port ", port)) {
		t.Error(err)
	}
}
