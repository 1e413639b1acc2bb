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

// lane is an OS thread that computes in parallel with other lanes. Its operations are single-threaded.
type lane struct {
	*thread
	number int
	slot   *libtch.Ctensor
}

// Lanes are nested scopes of one scope, each with an OS thread of its own: data parallelism within a process. Small operations gain
// little from several threads; splitting the batch over lanes scales nearly with the number of cores.
type Lanes struct {
	scopes  []*Scope
	grad    bool
	overlap *Overlap // of the scope
}

// Lanes opens n lanes within s, which end with s. With n = 1 the lane is s itself: it computes on libtorch's thread, and each
// operation uses all threads. Lanes must be called on libtorch's thread.
func (s *Scope) Lanes(n int) *Lanes {
	l := &Lanes{grad: record(true), overlap: s.overlap}
	record(l.grad)
	if n == 1 {
		l.scopes = []*Scope{s}
		return l
	}
	for i := range n {
		inner := s.nested()
		inner.lane, inner.overlap = worker().lane(i), s.overlap
		s.inner = append(s.inner, inner)
		l.scopes = append(l.scopes, inner)
	}
	return l
}

// lane returns the thread's i-th lane and starts it on first use. Only the thread itself calls it.
func (t *thread) lane(i int) *lane {
	if len(t.lanes) <= i {
		C.cg_set_threads(C.cg_get_threads()) // fixes this thread's number before lanes set theirs
	}
	for len(t.lanes) <= i {
		l := &lane{thread: start(), number: len(t.lanes), slot: newSlot()}
		l.alone()
		t.lanes = append(t.lanes, l)
	}
	return t.lanes[i]
}

// alone makes the lane's operations single-threaded.
func (l *lane) alone() {
	done := make(chan struct{})
	l.jobs <- func() { C.cg_set_threads(1); close(done) }
	<-done
}

// Each runs f in all lanes in parallel, with the lane's number and scope, and returns when all are done. f may read tensors of outer
// scopes; it must not use tensors of another lane. A panic in a lane is raised again here.
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

// Keep moves x to lane i's scope, so that it lives as long as the lane. x belongs to that lane or to a scope within it, and the lane
// itself makes the call.
func (l *Lanes) Keep(i int, x *Tensor) *Tensor { return l.scopes[i].Keep(x) }

// Record reports whether operations in the lanes are recorded for a backward pass.
func (l *Lanes) Record() bool { return l.grad }

// Others returns the scopes of all lanes except the first.
func (l *Lanes) Others() []*Scope { return l.scopes[1:] }

// Lane is the number of the lane that computes in s, 0 outside of lanes.
func (s *Scope) Lane() int {
	if s.lane == nil {
		return 0
	}
	return s.lane.number
}

// InLane reports whether s belongs to a lane: other lanes may be computing at the same time.
func (s *Scope) InLane() bool { return s.lane != nil }

// GradReplica returns a leaf in scope s that shares t's memory and has a gradient of its own. It must be called outside of lanes.
func (t *Tensor) GradReplica(s *Scope) *Tensor {
	leaf := t.In(s).Detach().Trainable()
	s.overlap.replica(t, s.Lane(), leaf)
	return leaf
}

// AddGradients adds the gradients of replicas to those of their leaves, and clears the replicas' gradients.
func AddGradients(leaves, replicas []*Tensor) {
	to, from := handles("AddGradients", leaves), handles("AddGradients", replicas)
	C.cg_add_gradients(first(to), first(from), C.int(len(leaves)))
	failed("AddGradients", nil)
}
