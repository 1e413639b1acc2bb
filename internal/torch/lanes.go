package torch

/*
typedef void *cg_tensor;
void cg_set_threads(int);
int cg_get_threads(void);
void cg_add_gradients(cg_tensor *, cg_tensor *, int);
*/
import "C"

import (
	"sync"

	"github.com/sugarme/gotch/libtch"
)

// lane is an OS thread that computes beside others. Its operations use that thread alone.
type lane struct {
	*thread
	number int
	slot   *libtch.Ctensor
}

// Lanes are several scopes within one, each with an OS thread of its own. Small operations gain little from being split
// over threads; a batch that is split over lanes gains nearly what the cores have.
type Lanes struct {
	scopes []*Scope
	grad   bool
}

// Lanes opens n lanes within s, which end with s. A single one is s itself: it computes on libtorch's thread, each
// operation with all threads. It is called on libtorch's thread, as everything is that doesn't run in a lane.
func (s *Scope) Lanes(n int) *Lanes {
	l := &Lanes{grad: record(true)}
	record(l.grad)
	if n == 1 {
		l.scopes = []*Scope{s}
		return l
	}
	for i := range n {
		inner := s.nested()
		inner.lane = worker().lane(i)
		s.inner = append(s.inner, inner)
		l.scopes = append(l.scopes, inner)
	}
	return l
}

// lane is the thread's i-th, made when it is first asked for. Only the thread itself asks.
func (t *thread) lane(i int) *lane {
	if len(t.lanes) <= i {
		C.cg_set_threads(C.cg_get_threads()) // this thread's own number, before lanes ask for another
	}
	for len(t.lanes) <= i {
		l := &lane{thread: start(), number: len(t.lanes), slot: newSlot()}
		l.alone()
		t.lanes = append(t.lanes, l)
	}
	return t.lanes[i]
}

// alone makes the lane's operations use its own thread only.
func (l *lane) alone() {
	done := make(chan struct{})
	l.jobs <- func() { C.cg_set_threads(1); close(done) }
	<-done
}

// Each runs f in every lane at the same time, with the lane's number and scope, and returns when all are done. f reads
// tensors of outer scopes and makes its own in its scope; what one lane makes, another must not touch. A panic in a lane
// goes on here.
func (l *Lanes) Each(f func(i int, s *Scope)) {
	if len(l.scopes) == 1 {
		f(0, l.scopes[0])
		return
	}
	crashes := make([]any, len(l.scopes))
	var wait sync.WaitGroup
	for i, s := range l.scopes {
		wait.Add(1)
		s.lane.jobs <- func() {
			defer wait.Done()
			defer func() { crashes[i] = caught(recover()) }()
			record(l.grad)
			f(i, s)
		}
	}
	wait.Wait()
	for _, crash := range crashes {
		if crash != nil {
			panic(crash)
		}
	}
}

// Keep makes x, of lane i or a scope within it, live as long as the lane. The lane itself calls it.
func (l *Lanes) Keep(i int, x *Tensor) *Tensor { return l.scopes[i].Keep(x) }

// Record says whether operations in the lanes are recorded for a backward pass.
func (l *Lanes) Record() bool { return l.grad }

// Others are the scopes of all lanes but the first.
func (l *Lanes) Others() []*Scope { return l.scopes[1:] }

// Lane is the number of the lane that computes in s, 0 outside of lanes.
func (s *Scope) Lane() int {
	if s.lane == nil {
		return 0
	}
	return s.lane.number
}

// InLane says whether s is a lane's, or within one: others may be computing at the same time.
func (s *Scope) InLane() bool { return s.lane != nil }

// Twin is a second leaf over t's memory, in scope s, with a gradient of its own. It is made outside of lanes.
func (t *Tensor) Twin(s *Scope) *Tensor { return t.In(s).Detach().Trainable() }

// AddGradients adds what the twins have collected to their leaves' gradients, and drops it.
func AddGradients(leaves, twins []*Tensor) {
	to, from := handles("AddGradients", leaves), handles("AddGradients", twins)
	C.cg_add_gradients(first(to), first(from), C.int(len(leaves)))
	failed("AddGradients", nil)
}
