package dist_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// agentVariable is the port of a launcher's store, for join.
const agentVariable = "DIST_TEST_AGENT_PORT"

// agentJoin is the JoinTimeout of processes that a test of an agent starts. Rank 0 waits a fifth of it for the launcher's store, and
// agentLate is later than that.
const (
	agentJoin = 20 * time.Second
	agentLate = 7 * time.Second
)

// manner is how a launcher's store treats a process.
type manner int

const (
	answers manner = iota
	delays         // it answers after agentLate
	silent         // it never answers, as that of another PyTorch
	closes         // it closes the connection
)

// agent is a launcher's store that treats each process in its own manner.
type agent struct {
	net.Listener
	store     int // its port
	connected chan struct{}
}

// port is where processes find a listener.
func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// newAgent starts a launcher's store on a port whose next one is free, or is returned with a listener if it is to be taken.
func newAgent(t *testing.T, taken bool) (a *agent, beside net.Listener) {
	t.Helper()
	torchtest.NeedProcesses(t)
	store, err := torch.OpenStore("127.0.0.1", 0, true, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Free)
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if beside, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port(l)+1)); err != nil {
			_ = l.Close()
			continue
		}
		if t.Cleanup(func() { _ = l.Close() }); taken {
			t.Cleanup(func() { _ = beside.Close() })
		} else if err := beside.Close(); err != nil {
			t.Fatal(err)
		}
		return &agent{l, store.Port(), make(chan struct{}, 100)}, beside
	}
	t.Fatal("no two ports beside each other")
	return nil, nil
}

// serve treats the connections in the order in which they come, and those after the last one as that.
func (a *agent) serve(manners ...manner) {
	for k := 0; ; k++ {
		c, err := a.Accept()
		if err != nil {
			return
		}
		a.connected <- struct{}{}
		go a.treat(c, manners[min(k, len(manners)-1)])
	}
}

func (a *agent) treat(c net.Conn, m manner) {
	defer c.Close()
	switch m {
	case closes:
		return
	case silent:
		_, _ = io.Copy(io.Discard, c)
		return
	case delays:
		time.Sleep(agentLate)
	}
	to, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(a.store))
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, c)
		_ = to.Close()
	}()
	_, _ = io.Copy(c, to)
}

// starts starts one of two processes that such a launcher starts.
func (a *agent) starts(t *testing.T, rank int, file string) *process {
	t.Helper()
	p := started(t, "barrier", rank, 2, file, agentVariable+"="+strconv.Itoa(port(a)), joinVariable+"="+agentJoin.String())
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// met waits for the end of two processes that should have met, and says whether rank 0 served the store.
func met(t *testing.T, all []*process, file string) (own bool) {
	t.Helper()
	for _, p := range all {
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, strings.TrimSpace(p.err.String()))
		}
	}
	_, err := os.Stat(file)
	return err == nil
}

// However the launcher's store treats each of the processes, they meet: rank 0 decides where.
func TestALaunchersStoreThatIsNotUsable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second manner // of rank 1, whose connection comes first, and of rank 0
		own           bool   // rank 0 serves the store
	}{
		"answers both":            {answers, answers, false},
		"is late for rank 1":      {delays, answers, false},
		"is late for rank 0":      {answers, delays, true},
		"is silent to rank 0":     {answers, silent, true},
		"is silent to both":       {silent, silent, true},
		"closes rank 0":           {answers, closes, true},
		"closes both":             {closes, closes, true},
		"closes rank 1 at first":  {closes, answers, false},
		"is late for 1, closes 0": {delays, closes, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newAgent(t, false)
			file := filepath.Join(t.TempDir(), "port")
			go a.serve(test.first, test.second)
			second := a.starts(t, 1, file)
			<-a.connected
			if own := met(t, []*process{a.starts(t, 0, file), second}, file); own != test.own {
				t.Errorf("rank 0 serves the store: %v, want %v", own, test.own)
			}
		})
	}
}

// What listens on the next port isn't taken for rank 0, whether it answers nonsense or is another launcher's store.
func TestTheNextPortIsSomebodyElses(t *testing.T) {
	t.Parallel()
	for name, nonsense := range map[string]bool{"nonsense": true, "a launcher's store": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, beside := newAgent(t, true)
			other := &agent{beside, a.store, make(chan struct{}, 100)}
			if nonsense {
				go nonsenseOn(other)
			} else {
				go other.serve(answers)
			}
			go a.serve(delays, answers)
			file := filepath.Join(t.TempDir(), "port")
			second := a.starts(t, 1, file)
			<-a.connected
			<-other.connected
			if met(t, []*process{a.starts(t, 0, file), second}, file) {
				t.Error("rank 0 serves the store")
			}
		})
	}
}

func nonsenseOn(a *agent) {
	for {
		c, err := a.Accept()
		if err != nil {
			return
		}
		a.connected <- struct{}{}
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nthis is no store at all\r\n"))
		_ = c.Close()
	}
}

// A launcher starts its processes anew after one of them has ended before the others came. The new ones meet in the same store.
func TestProcessesMeetAfterAStartThatFailed(t *testing.T) {
	t.Parallel()
	a, _ := newAgent(t, false)
	go a.serve(answers)
	file := filepath.Join(t.TempDir(), "port")
	for n := range int64(2) {
		early := a.starts(t, 1, file)
		asked(t, a, n+1)
		if err := early.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = early.Wait()
	}
	if met(t, []*process{a.starts(t, 0, file), a.starts(t, 1, file)}, file) {
		t.Error("rank 0 serves the store")
	}
}

// asked waits until as many processes have asked in the store.
func asked(t *testing.T, a *agent, n int64) {
	t.Helper()
	store, err := torch.OpenStore("127.0.0.1", a.store, false, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Free()
	until := time.Now().Add(time.Minute)
	for now := int64(0); now < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d processes have asked, not %d", now, n)
		}
		if now, err = store.Add("clipgo/127.0.0.1:"+strconv.Itoa(port(a))+"/0/2/asked", 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Where rank 0 doesn't come, the others say so.
func TestALauncherWithoutRankZero(t *testing.T) {
	t.Parallel()
	a, _ := newAgent(t, false)
	go a.serve(answers)
	p := started(t, "barrier", 1, 2, "", agentVariable+"="+strconv.Itoa(port(a)), joinVariable+"=2s")
	err := p.Wait()
	said := strings.TrimSpace(p.err.String())
	if err == nil || p.ProcessState.ExitCode() != 2 || !strings.Contains(said, "for rank 0 of 2, which neither used") ||
		strings.Contains(said, "\n") {
		t.Errorf("%v: %s", err, said)
	}
}
