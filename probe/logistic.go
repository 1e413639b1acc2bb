package probe

import (
	"context"
	"math"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
)

// Logistic is multinomial logistic regression: the minimum of C * sum(-log p(y|x)) + |W|^2 / 2, with a free intercept.
type Logistic struct {
	C float64 // inverse of the strength of the penalty, above 0
	// Tolerance is the error of the objective, relative to it, at which the search ends; 0: 1e-10.
	Tolerance float64
	Start     *Head // a classifier near the minimum; nil: zeros. It saves time only: the minimum is the same.
}

// Fitted is a classifier and how it was found.
type Fitted struct {
	Head
	C          float64
	Objective  float64 // C * sum(-log p(y|x)) + |W|^2 / 2
	Iterations int     // gradients that were computed
	Converged  bool    // the minimum was reached up to the tolerance
}

// The relative errors of the objective at which a fit and the fits of a path end.
const (
	exactEnough = 1e-10
	pathEnough  = 1e-8
)

// Fit finds the minimum for a set, in float64. Labels outside of 0 to classes - 1 are an error of kind fault.Data.
func (l Logistic) Fit(ctx context.Context, s Set, classes int) (*Fitted, error) {
	if l.Tolerance == 0 {
		l.Tolerance = exactEnough
	}
	p := path{tolerance: l.Tolerance, dtype: torch.Float64, start: l.Start}
	var out *Fitted
	err := p.fit(ctx, s, classes, []float64{l.C}, func(f *Fitted) error {
		out = f
		return nil
	})
	return out, err
}

// path is how the fits for several C are made.
type path struct {
	tolerance float64
	dtype     torch.DType
	start     *Head
}

// fit calls use with the fit for each C, in the order of cs.
func (p path) fit(ctx context.Context, s Set, classes int, cs []float64, use func(*Fitted) error) error {
	for _, c := range cs {
		if !(c > 0) || math.IsInf(c, 0) {
			return fault.Usagef("C is %v; it is a number above 0", c)
		}
	}
	if err := s.check(classes); err != nil {
		return err
	}
	d, err := newDesign(ctx, s, classes, p.dtype)
	if err != nil {
		return err
	}
	defer d.scope.Free()
	m := newDescent(d, d.point(p.start), p.start != nil, p.tolerance)
	for _, c := range cs {
		f, err := m.minimize(ctx, c)
		if err != nil {
			return err
		}
		if err := use(f); err != nil {
			return err
		}
	}
	return nil
}
