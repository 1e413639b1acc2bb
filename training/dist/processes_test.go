package dist_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clipgo/internal/fault"
	"clipgo/internal/torch/torchtest"
	"clipgo/training/dist"
	"clipgo/training/dist/launch"
)

// The variables that make the test binary one process of a group.
const (
	partVariable  = "DIST_TEST_PART"
	rankVariable  = "DIST_TEST_RANK"
	worldVariable = "DIST_TEST_WORLD"
	portVariable  = "DIST_TEST_PORT_FILE"
	// Settings of Join.
	timeoutVariable = "DIST_TEST_TIMEOUT"
	joinVariable    = "DIST_TEST_JOIN_TIMEOUT"
	versionVariable = "DIST_TEST_VERSION"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(partVariable); name != "" {
		os.Exit(play(name))
	}
	os.Exit(m.Run())
}

// part is what one process of a group does in a test.
type part func(g dist.Group, out *bytes.Buffer) error

// play is the main function of a process of a group. It prints what the part has written, or a line of its error to stderr.
func play(name string) int {
	var out bytes.Buffer
	g, err := join()
	if err == nil {
		err = parts[name](g, &out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if g != nil {
			_ = g.Close() // after a failure it must not wait
		}
		return map[fault.Kind]int{fault.Usage: 2, fault.Failed: 1}[fault.Of(err)]
	}
	if err := g.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close:", err)
		return 1
	}
	fmt.Print(out.String())
	return 0
}

func join() (dist.Group, error) {
	if os.Getenv(rankVariable) == "" { // a launcher has started this process
		at, err := launch.Here()
		if err != nil {
			return nil, err
		}
		return dist.Join(context.Background(), at, dist.Options{Version: "test"})
	}
	at := launch.Place{Master: "127.0.0.1", Rank: number(rankVariable), World: number(worldVariable)}
	file := os.Getenv(portVariable)
	if at.Port = number(agentVariable); at.Port > 0 {
		at.AgentStore = true
	}
	for until := time.Now().Add(time.Minute); at.Rank > 0 && at.Port == 0; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(file)
		at.Port, _ = strconv.Atoi(string(text))
		if time.Now().After(until) {
			return nil, fmt.Errorf("no port in %s", file)
		}
	}
	o := dist.Options{Version: cmp.Or(os.Getenv(versionVariable), "test"), Listening: func(port int) {
		_ = os.WriteFile(file+".new", []byte(strconv.Itoa(port)), 0o600)
		_ = os.Rename(file+".new", file)
	}}
	o.Timeout, _ = time.ParseDuration(os.Getenv(timeoutVariable))
	o.JoinTimeout, _ = time.ParseDuration(os.Getenv(joinVariable))
	return dist.Join(context.Background(), at, o)
}

func number(variable string) int {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return n
}

// process is one of a group that a test has started.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
}

// started starts a process that plays a part. Later variables win.
func started(t *testing.T, name string, rank, world int, file string, more ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.Env = append(os.Environ(), partVariable+"="+name, rankVariable+"="+strconv.Itoa(rank), worldVariable+"="+strconv.Itoa(world),
		portVariable+"="+file, "OMP_NUM_THREADS=1", "GOMAXPROCS=1")
	p.Env = append(p.Env, more...)
	p.Stdout, p.Stderr = &p.out, &p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// launched starts a group of processes that play a part.
func launched(t *testing.T, name string, world int, more ...string) []*process {
	t.Helper()
	torchtest.NeedProcesses(t)
	file := filepath.Join(t.TempDir(), "port")
	all := make([]*process, world)
	for rank := range all {
		all[rank] = started(t, name, rank, world, file, more...)
	}
	return all
}

// played runs a group to its end and returns what each process printed.
func played(t *testing.T, name string, world int, more ...string) []string {
	t.Helper()
	out := make([]string, world)
	var wait sync.WaitGroup
	for rank, p := range launched(t, name, world, more...) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if err := p.Wait(); err != nil {
				t.Errorf("rank %d: %v: %s", rank, err, strings.TrimSpace(p.err.String()))
			}
			out[rank] = p.out.String()
		}()
	}
	wait.Wait()
	return out
}
