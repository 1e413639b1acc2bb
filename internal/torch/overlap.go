package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
typedef char *(*cg_sum)(void *, cg_tensor *, int, void **);
void *cg_overlap_new(cg_tensor *, int);
void cg_overlap_plan(void *, const int *, int, cg_sum, void *);
void cg_overlap_open(void *);
void cg_overlap_replica(void *, cg_tensor, int, cg_tensor);
void cg_overlap_begin(void *, const int *, int);
void cg_overlap_last(void *, int);
void cg_overlap_end(void *, int);
const char *cg_overlap_failure(void *);
void *cg_overlap_take(void *, int);
int cg_overlap_early(void *);
int cg_overlap_late(void *);
int cg_overlap_kind(void *, int);
int64_t cg_overlap_seen(void *, int);
void cg_overlap_close(void *);
void cg_overlap_free(void *);
*/
import "C"

import "unsafe"

// Overlap sums the gradients of leaves over processes in buckets, each of which starts as soon as its gradients are complete, while the
// backward pass goes on. The pass is made by lanes. A leaf's gradient is complete when each lane has made as many accumulations in its last
// part as the pass did from which this was learned; a bucket that isn't ready in time is started after the pass. So every process
// has started all buckets at the end of its pass, in the same order, also if the pass has failed.
//
// Methods but Plan and Free do nothing on nil. They are called on libtorch's thread, if not said otherwise.
type Overlap struct {
	c       unsafe.Pointer
	leaves  []*Tensor
	buckets int
	await   func(*Overlap) error
	err     error // of await, in this step
}

// NewOverlap observes the passes of leaves on the CPU. It sums nothing before Plan. await waits for the sums of a pass (Started) at
// its end.
func NewOverlap(leaves []*Tensor, await func(*Overlap) error) *Overlap {
	h := handles("NewOverlap", leaves)
	o := &Overlap{c: C.cg_overlap_new(first(h), C.int(len(leaves))), leaves: leaves, await: await}
	failed("NewOverlap", nil)
	return o
}

// Plan makes the passes from the next step on start the sums of buckets, lists of leaves by their numbers, in the order in which they are
// listed. A bucket is summed as one tensor, as JoinGradients makes it of the leaves with the highest number first.
func (o *Overlap) Plan(p *Processes, buckets [][]int) {
	of := make([]C.int, len(o.leaves))
	for i := range of {
		of[i] = -1
	}
	for b, list := range buckets {
		for _, i := range list {
			of[i] = C.int(b)
		}
	}
	C.cg_overlap_plan(o.c, unsafe.SliceData(of), C.int(len(buckets)), sumFunction(), p.c)
	failed("Overlap.Plan", nil)
	o.buckets = len(buckets)
}

// Open begins a step in scope s.
func (o *Overlap) Open(s *Scope) {
	if o == nil {
		return
	}
	C.cg_overlap_open(o.c)
	failed("Overlap.Open", nil)
	s.overlap, o.err = o, nil
}

// Close ends a step.
func (o *Overlap) Close(s *Scope) {
	if o == nil {
		return
	}
	s.overlap = nil
	C.cg_overlap_close(o.c)
	failed("Overlap.Close", nil)
}

// replica registers the leaf of a lane, whose gradient is added to that of a master.
func (o *Overlap) replica(master *Tensor, lane int, leaf *Tensor) {
	if o == nil {
		return
	}
	C.cg_overlap_replica(o.c, C.cg_tensor(master.c), C.int(lane), C.cg_tensor(leaf.c))
	failed("GradReplica", []*Tensor{master})
}

// Overlap is that of the step in whose scope the lanes are; nil: none.
func (l *Lanes) Overlap() *Overlap { return l.overlap }

// Begin begins the backward pass. busy tells of each lane whether it has a part.
func (o *Overlap) Begin(busy []bool) {
	if o == nil {
		return
	}
	is := make([]C.int, len(busy))
	for i, b := range busy {
		is[i] = C.int(flag(b))
	}
	C.cg_overlap_begin(o.c, unsafe.SliceData(is), C.int(len(is)))
	failed("Overlap.Begin", nil)
}

// Last begins the last part of a lane, in the lane.
func (o *Overlap) Last(lane int) {
	if o == nil {
		return
	}
	C.cg_overlap_last(o.c, C.int(lane))
	failed("Overlap.Last", nil)
}

// End starts the sums that have not started, and waits for all. The gradients of lanes are joined before. complete is false if the pass has
// failed: what this process gives to the sums is then of no use, and all processes have to agree on that. A failure of the sums themselves
// is that of the group from now on; Err returns it.
func (o *Overlap) End(complete bool) {
	if o == nil {
		return
	}
	C.cg_overlap_end(o.c, C.int(flag(complete)))
	refused := Try(func() { failed("JoinGradients", nil) })
	if o.buckets > 0 {
		o.err = o.await(o)
	}
	if refused != nil && complete {
		panic(refused)
	}
}

// Err is the failure of the step's sums.
func (o *Overlap) Err() error {
	if o == nil {
		return nil
	}
	return o.err
}

// Started hands over the sums that have been started since the last call. The error is one of starting a sum, after which no more are
// started.
func (o *Overlap) Started() (works []*Collective, err error) {
	for b := range o.buckets {
		if w := C.cg_overlap_take(o.c, C.int(b)); w != nil {
			works = append(works, &Collective{"Sum", w, CPU})
		}
	}
	if text := C.cg_overlap_failure(o.c); text != nil {
		err = &CollectiveError{Op: "Sum", Text: C.GoString(text)}
	}
	return works, err
}

// Early is the number of buckets whose sums started before End, in the last step.
func (o *Overlap) Early() int {
	if o.c == nil {
		return 0
	}
	return int(C.cg_overlap_early(o.c))
}

// Late reports whether a gradient came after the start of its bucket: the sums of this step are wrong.
func (o *Overlap) Late() bool { return o != nil && C.cg_overlap_late(o.c) != 0 }

// Kind is the form that the gradient of leaf i, which is in a bucket, had in this process.
func (o *Overlap) Kind(i int) GradientKind { return GradientKind(C.cg_overlap_kind(o.c, C.int(i))) }

// Order numbers the leaves in the order in which the last pass completed their gradients, from 1; 0: there was none in a lane's last part.
func (o *Overlap) Order() []int {
	out := make([]int, len(o.leaves))
	for i := range out {
		out[i] = int(C.cg_overlap_seen(o.c, C.int(i)))
	}
	return out
}

// Free forgets everything. No sum is under way.
func (o *Overlap) Free() {
	if o != nil && o.c != nil {
		C.cg_overlap_free(o.c)
		o.c = nil
	}
}
