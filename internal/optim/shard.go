package optim

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Shard is the share of one process in an optimizer whose state is divided among several (ZeRO, stage 1): each process keeps the moments of
// some parameters, updates those, and gets the other parameters from the processes that own them.
type Shard struct {
	Rank, World int
	// Broadcast replaces the tensors by those of the process root.
	Broadcast func(root int, ts ...*torch.Tensor) error
}

// alone reports whether nothing is divided.
func (s Shard) alone() bool { return s.World <= 1 }

// NewSharded is New for one of several processes, all of which have the same parameters and settings. It allocates the moments of the
// parameters that this process owns. The steps have the same bits as without a shard. Step, WriteState and DropGradients are called by
// all processes; StepAhead can't be used.
func NewSharded(params []*nn.Param, c Config, s Shard) *AdamW {
	o := &AdamW{config: c, params: params, scope: torch.NewScope(), shard: s}
	if !s.alone() {
		o.owner = owners(params, s.World)
	}
	for i, p := range params {
		o.leaves = append(o.leaves, p.Tensor())
		o.decay = append(o.decay, c.decayOf(p))
		if o.owned(i) {
			o.allocate(p)
		} else {
			o.lacks()
		}
	}
	o.ahead = o.newAhead()
	o.scope.Seal()
	return o
}

// owners gives each parameter to a process: the largest first, each to the one with the least so far.
func owners(params []*nn.Param, world int) []int {
	order := make([]int, len(params))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(params[b].Len(), params[a].Len()) })
	out, load := make([]int, len(params)), make([]int, world)
	for _, i := range order {
		least := slices.Index(load, slices.Min(load))
		out[i] = least
		load[least] += params[i].Len()
	}
	return out
}

// owned reports whether this process has the moments of parameter i.
func (o *AdamW) owned(i int) bool { return o.shard.alone() || o.owner[i] == o.shard.Rank }

// StateLen is the number of values in the moments of this process.
func (o *AdamW) StateLen() (n int) {
	for i, p := range o.params {
		if o.owned(i) {
			n += 2 * p.Len()
		}
	}
	return n
}

// elementwise is the part of the lists that this process updates by AdamW.
func (o *AdamW) elementwise() (leaves []*torch.Tensor, m torch.Moments, decay []float64) {
	for i := range o.params {
		if o.owned(i) && !o.orthogonal(i) {
			leaves, decay = append(leaves, o.leaves[i]), append(decay, o.decay[i])
			m.Mean, m.Variance = append(m.Mean, o.moments.Mean[i]), append(m.Variance, o.moments.Variance[i])
			m.Touched, m.Copies = append(m.Touched, o.moments.Touched[i]), append(m.Copies, o.moments.Copies[i])
		}
	}
	return leaves, m, decay
}

// exchange gives the parameters that this process has updated to the others, and gets theirs.
func (o *AdamW) exchange() error {
	for root := range o.shard.World {
		var ts []*torch.Tensor
		for i, t := range o.leaves {
			if o.owner[i] == root {
				ts = append(ts, t)
			}
		}
		if err := o.shard.Broadcast(root, ts...); err != nil {
			return err
		}
	}
	return nil
}

// collect returns the moments of parameter i, from the process that owns them. Only that of rank 0 gets them.
func (o *AdamW) collect(i int) (mean, variance []byte, err error) {
	err = torch.Do(context.Background(), func(s *torch.Scope) error {
		var m, v *torch.Tensor
		if p := o.params[i]; o.owned(i) {
			m, v = o.moments.Mean[i], o.moments.Variance[i]
		} else {
			t := p.Tensor()
			m, v = torch.Zeros(s, t.DType(), t.Device(), p.Shape...), torch.Zeros(s, t.DType(), t.Device(), p.Shape...)
		}
		if err := o.shard.Broadcast(o.owner[i], m, v); err != nil {
			return fmt.Errorf("collect the optimizer's state: %w", err)
		}
		if o.shard.Rank == 0 {
			mean, variance = m.Bytes(), v.Bytes()
		}
		return nil
	})
	return mean, variance, err
}
