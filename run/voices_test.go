package run

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/fault"
	"clipgo/training/dist"
)

// hall is a group of goroutines that exchange what they say, as processes would.
type hall struct {
	mu    sync.Mutex
	all   [][]byte
	said  int
	heard chan struct{}
	gone  chan struct{} // closed when one has left without a word
}

type voice struct {
	dist.Group // the methods for tensors, which no test calls
	*hall
	rank int
}

// fakeGroup makes the groups of so many processes.
func fakeGroup(n int) (groups []dist.Group, h *hall) {
	h = &hall{all: make([][]byte, n), heard: make(chan struct{}), gone: make(chan struct{})}
	for rank := range n {
		groups = append(groups, &voice{hall: h, rank: rank})
	}
	return groups, h
}

func (v *voice) Rank() int    { return v.rank }
func (v *voice) World() int   { return len(v.all) }
func (v *voice) Close() error { return nil }

var errGone = errors.New("process 9 has ended")

func (v *voice) Tell(data []byte) ([][]byte, error) {
	select {
	case <-v.gone:
		return nil, errGone
	default:
	}
	v.mu.Lock()
	v.all[v.rank] = data
	v.said++
	heard, all := v.heard, v.all
	if v.said == len(v.all) {
		v.said, v.heard, v.all = 0, make(chan struct{}), make([][]byte, len(all))
		close(heard)
	}
	v.mu.Unlock()
	select {
	case <-heard:
		return all, nil
	case <-v.gone:
		return nil, errGone
	}
}

func (v *voice) Barrier() error {
	_, err := v.Tell(nil)
	return err
}

func (v *voice) Agree(numbers ...float64) ([][]float64, error) {
	var data []byte
	for _, x := range numbers {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
	}
	all, err := v.Tell(data)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(all))
	for rank, data := range all {
		for ; len(data) > 0; data = data[8:] {
			out[rank] = append(out[rank], math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
	}
	return out, nil
}

// each runs f as each of n processes, and returns their errors.
func each(ctx context.Context, n int, f func(v *voices, h *hall) error) []error {
	groups, h := fakeGroup(n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for rank, g := range groups {
		all.Go(func() {
			v := newVoices(ctx, g, time.Minute)
			v.interval = time.Millisecond
			errs[rank] = f(v, h)
		})
	}
	all.Wait()
	return errs
}

// What fails in one process before the first step ends all, with the error's kind and words.
func TestAPhaseFailsInAllProcesses(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, _ *hall) error {
		if err := v.phase(func(context.Context) error { return nil }); err != nil {
			return errors.New("a phase that nobody fails: " + err.Error())
		}
		return v.phase(func(context.Context) error {
			if v.group.Rank() == 1 {
				return fault.Dataf("the folder is empty")
			}
			return nil
		})
	}) {
		if fault.Of(err) != fault.Data || !strings.Contains(err.Error(), "the folder is empty") ||
			strings.Contains(err.Error(), "process 1 has failed") != (rank != 1) {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// A process that is busy for longer than others wait for each other takes part in rounds, and learns of a signal to another one.
func TestABusyProcessLearnsOfASignal(t *testing.T) {
	parent, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for rank, err := range each(t.Context(), 3, func(v *voices, _ *hall) error {
		if v.group.Rank() == 2 {
			v.user = parent
			cancel(terminated{})
		}
		return v.phase(func(ctx context.Context) error {
			if v.leads() {
				<-ctx.Done() // it would be busy for ever
			}
			return nil
		})
	}) {
		stopped, ok := errors.AsType[*StoppedError](err)
		if !ok || stopped.Rank != 2 || stopped.Signal != syscall.SIGTERM || !errors.Is(err, context.Canceled) {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

type terminated struct{}

func (terminated) Error() string            { return "terminated" }
func (terminated) Signaled() syscall.Signal { return syscall.SIGTERM }

// A process that is gone ends the work of one that is busy, and nobody waits for it.
func TestAGoneProcessEndsTheOthers(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, h *hall) error {
		if v.group.Rank() == 1 {
			close(h.gone)
			return errGone
		}
		return v.phase(func(ctx context.Context) error {
			if v.leads() {
				<-ctx.Done()
			}
			return nil
		})
	}) {
		if !errors.Is(err, errGone) {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// Different settings are named by their key, with the processes that have them, in all processes.
func TestDifferentSettingsAreNamed(t *testing.T) {
	for rank, err := range each(t.Context(), 2, func(v *voices, _ *hall) error {
		o := Default()
		o.Workers = 1 + v.group.Rank() // which may differ
		if v.group.Rank() == 1 {
			o.Optim.LR = 0.5
		}
		return (&session{Options: &o, voices: v}).compareSettings()
	}) {
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), "optim.lr: process 1 has 0.5") {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// The process that ends its steps by itself tells those that are about to make the next one.
func TestPartingIsHeard(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, _ *hall) error {
		if v.leads() {
			return (&hooks{session: &session{voices: v}}).part(errors.New("no space left on device"))
		}
		if d, err := v.conclude(going, nil); err == nil || d.state != failing {
			return err
		} else {
			return (&hooks{session: &session{voices: v}}).part(err) // has no round any more
		}
	}) {
		if err == nil || !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}

// The process that leads asks all to do something together, once in an evaluation and once after the others have ended their steps. It
// asks nothing of processes that are gone.
func TestABusyProcessAsksTheOthers(t *testing.T) {
	for rank, err := range each(t.Context(), 3, func(v *voices, _ *hall) error {
		served := 0
		v.serve = func() error { served++; return v.group.Barrier() }
		err := v.whileBusy(func(context.Context) error {
			if !v.leads() {
				return nil
			}
			return v.jointly(v.group.Barrier)
		})
		if err == nil && v.leads() {
			err = v.whileBusy(func(context.Context) error {
				refused := errors.New("no space left on device")
				if got := v.jointly(func() error { _ = v.group.Barrier(); return refused }); got != refused || v.lost != nil {
					return errors.Join(got, v.lost, errors.New("an error of this process alone is taken for one of the group"))
				}
				return nil
			})
		}
		if err = errors.Join(err, (&hooks{session: &session{voices: v}}).part(nil)); err != nil {
			return err
		}
		if want := map[bool]int{true: 0, false: 2}[v.leads()]; served != want {
			return fmt.Errorf("served %d times, want %d", served, want)
		}
		if err := v.jointly(v.group.Barrier); v.leads() && !errors.Is(err, errParted) {
			return fmt.Errorf("asked processes that have ended: %w", err)
		}
		return nil
	}) {
		if err != nil {
			t.Errorf("process %d: %v", rank, err)
		}
	}
}
