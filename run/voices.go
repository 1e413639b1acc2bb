package run

import (
	"cmp"
	"context"
	"errors"
	"syscall"
	"time"

	"clipgo/training/dist"
)

// voices lets the processes of a run decide together. What one of them alone knows, that it was asked to stop, has failed, or is at the
// end of its data, is exchanged in a round before each step, so that all of them make the same steps. A process that is alone decides at
// once.
//
// A round has no limit of time of its own: who is busy, with an evaluation or with opening data, takes part in rounds meanwhile and says
// so, and the others ask again. So the deadline of the group tells processes that are gone from those that are slow.
type voices struct {
	group    dist.Group
	user     context.Context // that a signal to this process ends
	ctx      context.Context // that ends when all have agreed to stop
	cancel   context.CancelCauseFunc
	interval time.Duration // between the rounds of a process that is busy
	parting  bool          // this process's next round is its last one
	left     bool          // there are no rounds any more
	joint                  // what one process asks all to do
}

// The states of a process, the gravest last.
const (
	going    = iota
	ended    // its data has ended
	finished // the training is complete
	stopping // a signal asks it to stop
	failing
)

// decision is what a round has come to: the gravest of what all processes say.
type decision struct {
	state  int
	rank   int            // the first process in that state, or the first with a signal
	signal syscall.Signal // that asks to stop; 0: something else does
}

// mostInterval bounds the time between two rounds of a busy process, and so how soon it learns of a signal to another one.
const mostInterval = 2 * time.Second

func newVoices(ctx context.Context, g dist.Group, timeout time.Duration) *voices {
	v := &voices{group: g, user: ctx, ctx: ctx, interval: min(timeout/6, mostInterval)}
	if !v.alone() {
		v.ctx, v.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	}
	return v
}

// alone reports whether there are no other processes; a trial step has no voices.
func (v *voices) alone() bool { return v == nil || v.group.World() == 1 }

// leads reports whether this process is the one that writes the run directory and talks.
func (v *voices) leads() bool { return v.alone() || v.group.Rank() == 0 }

// signaled is the cause of a context that a signal has ended.
type signaled interface{ Signaled() syscall.Signal }

// round is one exchange.
func (v *voices) round(busy bool, state int) (d decision, othersBusy bool, err error) {
	var signal syscall.Signal
	if v.user.Err() != nil {
		state = max(state, stopping)
		if cause, ok := context.Cause(v.user).(signaled); ok {
			signal = cause.Signaled()
		}
	}
	parted := false
	all, err := v.group.Agree(number(busy), float64(state), float64(signal), number(v.parting && !busy), number(v.asked != nil))
	if err != nil {
		return d, false, err
	}
	for rank, one := range all {
		othersBusy = othersBusy || one[0] != 0
		said := decision{int(one[1]), rank, syscall.Signal(one[2])}
		if said.state > d.state || said.state == d.state && d.signal == 0 && said.signal != 0 { // whose share ended has none
			d = said
		}
		parted = parted || one[3] != 0
	}
	v.left = parted && !othersBusy // otherwise it comes again
	return d, othersBusy, v.join(all)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// meet takes part in rounds until nobody is busy.
func (v *voices) meet(state int) (decision, error) {
	for {
		d, busy, err := v.round(false, state)
		if err != nil || !busy {
			return d, err
		}
	}
}

// whileBusy runs f, which doesn't use the group, and takes part in rounds meanwhile. The context of f ends with a signal to any of the
// processes, and when another one has failed.
func (v *voices) whileBusy(f func(ctx context.Context) error) error {
	if v.alone() || v.left {
		return f(v.ctx)
	}
	ctx, cancel := context.WithCancelCause(v.ctx)
	defer cancel(nil)
	release := context.AfterFunc(v.user, func() { cancel(context.Cause(v.user)) })
	defer release()
	done, ended := make(chan struct{}), make(chan struct{})
	before := v.asks // of the work that this is a share of
	v.asks = make(chan *ask)
	go func() {
		defer close(ended)
		v.rounds(done, cancel)
	}()
	defer func() { close(done); <-ended; v.asks = before }()
	return f(ctx)
}

// rounds takes part in rounds until done is closed or the group has failed.
func (v *voices) rounds(done chan struct{}, cancel context.CancelCauseFunc) {
	again, failed := time.NewTimer(v.interval), error(nil)
	defer again.Stop()
	for {
		select {
		case <-done:
			return
		case a := <-v.asks:
			if failed == nil {
				failed = v.answer(a)
			}
			if failed != nil || errors.Is(a.err, context.Canceled) {
				cancel(context.Canceled)
			}
			a.done <- failed
		case <-again.C:
			var d decision
			if d, _, failed = v.round(true, going); failed != nil || d.state >= stopping {
				cancel(context.Canceled)
			}
		}
		if failed == nil {
			again.Reset(v.interval)
		}
	}
}

// phase runs a part of what comes before the first step in every process. If it fails in one of them it fails in all.
func (v *voices) phase(f func(ctx context.Context) error) error {
	err := v.whileBusy(f)
	if v.alone() {
		return err
	}
	state := going
	if err != nil {
		state = failing
	}
	_, err = v.conclude(state, err)
	return err
}

// conclude is a round, after which all processes know why one of them has failed. The error is this process's own, or what another one
// said, or the group's.
func (v *voices) conclude(state int, own error) (decision, error) {
	d, err := v.meet(state)
	switch {
	case err != nil && own != nil:
		return decision{state: failing}, own
	case err != nil:
		return decision{state: failing}, err
	case d.state == stopping:
		v.cancel(context.Canceled)
		return d, &StoppedError{Rank: d.rank, Signal: d.signal}
	case d.state != failing:
		return d, nil
	}
	told, err := v.tellError(own)
	if own != nil || err != nil {
		return d, cmp.Or(own, err)
	}
	return d, told
}

// least is the smallest of a number that each process has.
func (v *voices) least(n int) (int, error) {
	all, err := v.group.Agree(float64(n))
	for _, one := range all {
		n = min(n, int(one[0]))
	}
	return n, err
}
