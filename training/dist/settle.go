package dist

import (
	"errors"
	"fmt"

	"clipgo/internal/torch"
)

// Failure is an error that all processes have agreed on: each has one, whether it failed itself or another did.
type Failure struct {
	Rank        int   // the first process that failed, of those with the graver failure
	OutOfMemory bool  // nothing worse happened than that a device's memory was too small
	Own         error // this process's error; nil if only others failed
}

func (f *Failure) Error() string {
	switch {
	case f.Own != nil:
		return f.Own.Error()
	case f.OutOfMemory:
		return fmt.Sprintf("process %d ran out of memory", f.Rank)
	}
	return fmt.Sprintf("process %d failed; its own log says why", f.Rank)
}

// Unwrap is this process's own error.
func (f *Failure) Unwrap() error { return f.Own }

// How a process fared, the gravest last.
const (
	fine = iota
	shortOfMemory
	broken
)

// Settle agrees on whether all processes have come to this point without an error. It returns the numbers of all processes, as Agree
// does, or a *Failure in each of them. Without it a process that fails between two collectives would leave the others waiting.
func Settle(g Group, own error, numbers ...float64) ([][]float64, error) {
	if g.World() == 1 {
		return [][]float64{numbers}, own
	}
	all, err := g.Agree(append([]float64{gravity(own)}, numbers...)...)
	if err != nil {
		return nil, errors.Join(own, err)
	}
	worst := &Failure{Own: own}
	for rank := range all {
		if all[rank][0] > all[worst.Rank][0] {
			worst.Rank = rank
		}
	}
	if how := all[worst.Rank][0]; how != fine {
		worst.OutOfMemory = how == shortOfMemory
		return nil, worst
	}
	for rank := range all {
		all[rank] = all[rank][1:]
	}
	return all, nil
}

func gravity(err error) float64 {
	var refused *torch.Error
	switch {
	case err == nil:
		return fine
	case errors.As(err, &refused) && refused.OutOfMemory():
		return shortOfMemory
	}
	return broken
}

// Sum adds up number i of all processes, in the order of their ranks.
func Sum(all [][]float64, i int) (sum float64) {
	for _, numbers := range all {
		sum += numbers[i]
	}
	return sum
}
