package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
)

// joint is what a busy process may ask all processes to do together, in a round. When that is, no other process knows. There are two kinds
// of it. The optimizer's state, of which each process has a part, is collected when the process that leads saves a checkpoint: an exchange
// of all processes. And an evaluation is divided: each process does a share of it by itself, and all learn what has become of each.
type joint struct {
	// serve is the part of a process in the first kind that doesn't ask for it; nil: none.
	serve func() error
	// help does a share of the second kind in a process that doesn't ask for it; nil: none.
	help func(ctx context.Context, request []byte) ([]byte, error)
	// asks leads to the rounds of this process while it is busy; nil: it isn't.
	asks  chan *ask
	asked *ask  // what this process asks in its next round
	lost  error // why nothing can be done together any more; nil: it can
}

// ask is the part of the process that asks.
type ask struct {
	f       func() error // of the first kind
	request []byte       // of the second kind, for the others; nil: the first
	own     func(ctx context.Context) ([]byte, error)
	answers [][]byte   // of all processes, by rank
	err     error      // of f, or of the second kind
	done    chan error // why nothing was done, or nil
}

var errParted = errors.New("the other processes have ended")

// jointly runs f here and serve in the other processes. It is called within whileBusy.
func (v *voices) jointly(f func() error) error { return v.ask(&ask{f: f}) }

// divided runs own here and help with the request in the other processes, which is not empty, and returns what each has come to. It is
// called within whileBusy. An error of any process is one of this process.
func (v *voices) divided(request []byte, own func(ctx context.Context) ([]byte, error)) ([][]byte, error) {
	a := &ask{request: request, own: own}
	err := v.ask(a)
	return a.answers, err
}

func (v *voices) ask(a *ask) error {
	if v.lost == nil && v.asks == nil {
		v.lost = errParted
	}
	if v.lost != nil {
		return v.lost
	}
	a.done = make(chan error, 1)
	v.asks <- a
	if v.lost = <-a.done; v.lost != nil {
		return v.lost
	}
	return a.err
}

// answer is the round in which a process asks.
func (v *voices) answer(a *ask) error {
	v.asked = a
	_, _, err := v.round(true, going)
	v.asked = nil
	return err
}

// join does what a process has asked for in a round.
func (v *voices) join(said [][]float64) error {
	asking := false
	for _, one := range said {
		asking = asking || one[4] != 0
	}
	if !asking {
		return nil
	}
	a := v.asked
	v.asked = nil // the rounds meanwhile ask nothing
	var request []byte
	if a != nil {
		request = a.request
	}
	told, err := v.group.Tell(request)
	if err != nil {
		return err
	}
	request = bytes.Join(told, nil) // one process asks
	switch {
	case len(request) == 0 && a == nil:
		return v.serve()
	case len(request) == 0:
		a.err = a.f()
		return nil
	case a == nil:
		_, _, err = v.share(func(ctx context.Context) ([]byte, error) { return v.help(ctx, request) })
	default:
		a.answers, a.err, err = v.share(a.own)
	}
	return err
}

// share runs own, as all processes do at the same time, and returns what each has come to. failed is an error of any of them, lost one of
// the group. The processes take part in rounds meanwhile, so that a signal to any of them ends the work in all: failed is
// context.Canceled then.
func (v *voices) share(own func(ctx context.Context) ([]byte, error)) (answers [][]byte, failed, lost error) {
	parting := v.parting
	v.parting = false // for these rounds
	defer func() { v.parting = parting }()
	var data []byte
	err := v.whileBusy(func(ctx context.Context) error {
		return guarded(func() (err error) { data, err = own(ctx); return err })
	})
	state := going
	switch {
	case errors.Is(err, context.Canceled):
		state, err = stopping, nil
	case err != nil:
		state = failing
	}
	d, lost := v.meet(state)
	switch {
	case lost != nil:
		return nil, cmp.Or(err, lost), lost
	case d.state == stopping:
		return nil, context.Canceled, nil
	case d.state == failing:
		told, lost := v.tellError(err)
		if err == nil && lost == nil {
			err = told
		}
		return nil, cmp.Or(err, lost), lost
	}
	answers, lost = v.group.Tell(data)
	return answers, lost, lost
}
