package training

import (
	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// Joinable is an Objective whose batch can be spread over several processes.
type Joinable interface {
	Objective
	// Join spreads the batches over the processes of a group: Accumulate then leaves shares of the gradients, whose sums over the
	// processes are those of the whole batch, and returns the numbers of the whole batch.
	Join(g dist.Group)
}

// Join makes the trainer one of several processes that make each step together, each with its part of the batch. Their parameters,
// settings and Progress are the same, and the number of their steps is: a process that makes no further step leaves the others waiting. An
// objective that can't be spread is an error of usage.
func (t *Trainer) Join(g dist.Group) error {
	if g.World() > 1 {
		o, ok := t.Objective.(Joinable)
		if !ok {
			return fault.Usagef("this training runs in one process only, and there are %d: start it without a launcher", g.World())
		}
		o.Join(g)
	}
	t.Group = g
	return nil
}

// joined reports whether there are several processes.
func (t *Trainer) joined() bool { return t.Group != nil && t.Group.World() > 1 }

// most is the largest of a number in all processes.
func (t *Trainer) most(n int) (int, error) {
	if !t.joined() {
		return n, nil
	}
	all, err := t.Group.Agree(float64(n))
	for _, of := range all {
		n = max(n, int(of[0]))
	}
	return n, err
}

// norm is the norm of the gradients. Devices may round it in other ways, though the gradients have the same bits: then the processes
// would drift apart, and one might skip a step alone. So that of process 0 is all processes'.
func (t *Trainer) norm() (norm float64, err error) {
	if !t.joined() || !t.Optimizer.OnDevice() {
		return t.Optimizer.GradNorm(), nil
	}
	err = torch.Try(func() { norm = t.Optimizer.GradNorm() })
	all, err := dist.Settle(t.Group, err, norm)
	if err != nil {
		return 0, err
	}
	return all[0][0], nil
}
