package run

import "errors"

// joint is what a busy process may ask all processes to do together, in a round: the optimizer's state, of which each has a part, is
// collected when the process that leads saves a checkpoint. When that is, no other process knows.
type joint struct {
	// serve is the part of a process that is asked; nil: none.
	serve func() error
	// asks leads to the rounds of this process while it is busy; nil: it isn't.
	asks  chan *ask
	asked *ask  // what this process asks in its next round
	lost  error // why nothing can be done together any more; nil: it can
}

// ask is the part of the process that asks.
type ask struct {
	f    func() error
	err  error      // of f
	done chan error // why f wasn't called, or nil
}

var errParted = errors.New("the other processes have ended")

// jointly runs f here and serve in the other processes. It is called within whileBusy.
func (v *voices) jointly(f func() error) error {
	if v.lost == nil && v.asks == nil {
		v.lost = errParted
	}
	if v.lost != nil {
		return v.lost
	}
	a := &ask{f: f, done: make(chan error, 1)}
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
	switch {
	case !asking:
		return nil
	case v.asked == nil:
		return v.serve()
	}
	v.asked.err = v.asked.f()
	return nil
}
