package training

import (
	"cmp"
	"errors"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// exchange sums gradients over the processes. In the first step the sums start after the backward pass, when all know which gradients
// there are. That step shows in which order the buckets become complete. From then on each is summed while the pass goes on, with the
// same bits: a bucket is joined in the same way, and Gloo's sums depend on nothing else.
//
// A step whose gradients aren't those of the plan is made again without one, and so is a step that failed. All decisions are made from
// what all processes know, so that all have the same plan or none.
type exchange struct {
	bytes   int // of a bucket; 0: bucketBytes
	params  []*nn.Param
	overlap *torch.Overlap       // nil: sums start after the pass
	planned []torch.GradientKind // nil: there is no plan
	misses  int                  // steps that had another pass than the plan
}

// errOtherPass is returned if the gradients of a step are other ones than those that were summed. The step is made again.
var errOtherPass = errors.New("the gradients of the step have other forms than before")

// mostMisses is how often a plan is made again. An objective whose passes differ from step to step gains nothing from plans.
const mostMisses = 3

// open begins a step.
func (x *exchange) open(s *torch.Scope, t *Trainer) {
	x.bytes = t.BucketBytes
	if params := t.Objective.Params(); !slices.Equal(params, x.params) {
		x.forget()
		x.params = params
	}
	if g, can := t.Group.(dist.Overlapping); can && x.overlap == nil && x.misses < mostMisses && x.onCPU() {
		leaves := make([]*torch.Tensor, len(x.params))
		for i, p := range x.params {
			leaves[i] = p.Tensor()
		}
		x.overlap = g.Overlap(leaves)
	}
	x.overlap.Open(s)
}

func (x *exchange) onCPU() bool {
	return !slices.ContainsFunc(x.params, func(p *nn.Param) bool { return p.Tensor().Device() != torch.CPU })
}

// close ends a step.
func (x *exchange) close(s *torch.Scope) { x.overlap.Close(s) }

// forget drops the plan and what was observed.
func (x *exchange) forget() {
	x.overlap.Free()
	x.overlap, x.planned = nil, nil
}

// missed forgets a plan that the step didn't keep.
func (x *exchange) missed() {
	x.misses++
	x.forget()
}

// kind is the form that the gradient of a parameter had in this process.
func (x *exchange) kind(i int) torch.GradientKind {
	if x.planned != nil && x.planned[i] == torch.DenseGradient {
		return x.overlap.Kind(i)
	}
	return x.params[i].Tensor().GradientKind()
}

// plan makes the next steps sum gradients of these forms while they are computed. The buckets start in the order in which the first
// process with pairs has completed them.
func (x *exchange) plan(g dist.Group, kinds []torch.GradientKind) error {
	buckets := x.buckets(kinds)
	if x.overlap == nil || len(buckets) == 0 {
		return nil
	}
	order, own := x.overlap.Order(), make([]float64, len(buckets))
	for b, bucket := range buckets {
		for _, i := range bucket {
			own[b] = max(own[b], float64(order[i]))
		}
	}
	all, err := g.Agree(own...)
	if err != nil {
		return err
	}
	var completed []float64
	for _, of := range all {
		if slices.Max(of) > 0 {
			completed = of
			break
		}
	}
	if completed == nil { // the objective makes its passes otherwise than by MicroBatches
		return nil
	}
	turn := make([]int, len(buckets))
	for b := range turn {
		turn[b] = b
	}
	slices.SortStableFunc(turn, func(a, b int) int { return cmp.Compare(completed[a], completed[b]) })
	planned := make([][]int, len(buckets))
	for i, b := range turn {
		planned[i] = buckets[b]
	}
	err = torch.Try(func() { g.(dist.Overlapping).Plan(x.overlap, planned) })
	if _, err := dist.Settle(g, err); err != nil {
		x.forget()
		return err
	}
	x.planned = kinds
	return nil
}
