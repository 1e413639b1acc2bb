package probe

import (
	"context"
	"math"
	"math/rand/v2"

	"clipgo/internal/torch"
)

// openAIsC is the C of OpenAI's example for ImageNet.
const openAIsC = 0.316

// Regularizations are OpenAI's 96 values of C, from 1e-6 to 1e6.
func Regularizations() []float64 { return logarithmic(96) }

func logarithmic(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Pow(10, -6+12*float64(i)/float64(n-1))
	}
	return out
}

// sweep fits with all values of C, measures each fit on the validation set, and returns the best; of equals the smallest C.
func sweep(ctx context.Context, train, val Set, classes int, cs []float64) (trials []Trial, best *Fitted, err error) {
	highest := -1.0
	err = path{tolerance: pathEnough, dtype: torch.Float32}.fit(ctx, train, classes, cs, func(f *Fitted) error {
		t, err := try(ctx, f, val)
		trials = append(trials, t)
		if t.Accuracy > highest {
			highest, best = t.Accuracy, f
		}
		return err
	})
	return trials, best, err
}

// halving is OpenAI's search that saves fits: the best of seven values of C from 1e-6 to 1e6, then the best of three around it, with half
// the distance each time, down to 8 values a decade. It finds the best of all values where the accuracy has one peak.
func halving(ctx context.Context, train, val Set, classes int) (trials []Trial, best *Fitted, err error) {
	if err := train.check(classes); err != nil {
		return nil, nil, err
	}
	d, err := newDesign(ctx, train, classes, torch.Float32)
	if err != nil {
		return nil, nil, err
	}
	defer d.scope.Free()
	m := newDescent(d, d.point(nil), false, pathEnough)
	fits, measured := map[float64]*Fitted{}, map[float64]Trial{}
	c, order, err := searchGrid(func(i int) float64 { return math.Pow(10, -6+float64(i)/8) }, func(c float64) (float64, error) {
		f, err := m.minimize(ctx, c)
		if err != nil {
			return 0, err
		}
		fits[c] = f
		measured[c], err = try(ctx, f, val)
		return measured[c].Accuracy, err
	})
	for _, t := range order {
		trials = append(trials, measured[t.Decay])
	}
	return trials, fits[c], err
}

func try(ctx context.Context, f *Fitted, val Set) (Trial, error) {
	a, err := f.Accuracy(ctx, val)
	return Trial{C: f.C, Accuracy: a, Objective: f.Objective, Iterations: f.Iterations, Unfinished: !f.Converged}, err
}

// heldOut is one of how many samples are held out to choose C where there is no validation set.
const heldOut = 5

// split takes n samples of a random order as validation data; the order depends on the seed. rows are those of the training data.
func split(s Set, n int, seed uint64) (train, val Set, rows []int) {
	order := rand.New(rand.NewPCG(seed, 1)).Perm(s.Len())
	return s.Select(order[n:]), s.Select(order[:n]), order[n:]
}

// through are rows of a selection as rows of the whole; a nil selection is the whole.
func through(selection, rows []int) []int {
	if selection == nil {
		return rows
	}
	out := make([]int, len(rows))
	for i, row := range rows {
		out[i] = selection[row]
	}
	return out
}
