package probe

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"clipgo/internal/fault"
)

// Logistic is multinomial logistic regression: the minimum of C * sum(-log p(y|x)) + |W|^2 / 2, with a free intercept.
type Logistic struct {
	C float64 // inverse of the strength of the penalty, above 0
	// Tolerance is the error of the objective, relative to it, at which the search ends; 0: 1e-10.
	Tolerance float64
}

// Fitted is a classifier and how it was found.
type Fitted struct {
	Head
	C          float64
	Objective  float64 // C * sum(-log p(y|x)) + |W|^2 / 2
	Iterations int
}

const (
	exactEnough   = 1e-10
	maxIterations = 5000
)

// Fit finds the minimum for a set. Labels outside of 0 to classes - 1 are an error of kind fault.Data.
func (l Logistic) Fit(ctx context.Context, s Set, classes int) (*Fitted, error) {
	fits, err := Path(ctx, s, classes, []float64{l.C}, l.Tolerance)
	if err != nil {
		return nil, err
	}
	return fits[0], nil
}

// Path fits logistic regressions for several values of C, each started at the minimum of the one before. The results don't depend on the
// order, up to the tolerance (0: that of Logistic).
func Path(ctx context.Context, s Set, classes int, cs []float64, tolerance float64) ([]*Fitted, error) {
	if err := s.check(classes); err != nil {
		return nil, err
	}
	d, err := newDesign(ctx, s, classes)
	if err != nil {
		return nil, err
	}
	defer d.scope.Free()
	point := make([]float64, classes*(s.Dim+1)) // weight, then bias
	var out []*Fitted
	for _, c := range cs {
		if !(c > 0) || math.IsInf(c, 0) {
			return nil, fault.Usagef("C is %v; it is a number above 0", c)
		}
		fit, err := d.fit(ctx, c, tolerance, point)
		if err != nil {
			return nil, err
		}
		out = append(out, fit)
	}
	return out, nil
}

// fit minimizes from a point, which becomes the minimum.
func (d *design) fit(ctx context.Context, c, tolerance float64, point []float64) (*Fitted, error) {
	if tolerance == 0 {
		tolerance = exactEnough
	}
	p := &penalized{design: d, ctx: ctx, c: c, scale: d.scales(c), at: make([]float64, len(point)), gradient: make([]float64, len(point))}
	start := make([]float64, len(point))
	for i, v := range point {
		start[i] = v / p.scale[i]
	}
	settings := &optimize.Settings{Converger: &relative{tolerance}, MajorIterations: maxIterations}
	method := &optimize.LBFGS{Store: 12}
	result, err := optimize.Minimize(optimize.Problem{Func: p.value, Grad: p.slope}, start, settings, method)
	if err := errors.Join(p.err, ctx.Err()); err != nil {
		return nil, err
	}
	if result == nil {
		return nil, fmt.Errorf("probe: C %g: %w", c, err)
	}
	// An error of the line search means that no lower value exists within rounding: result holds the lowest.
	for i, v := range result.X {
		point[i] = v * p.scale[i]
	}
	k := d.classes * d.dim
	return &Fitted{Head: *d.head(point[:k], point[k:]), C: c, Objective: result.F, Iterations: result.MajorIterations}, nil
}

// scales are the units of the coordinates, in which the curvature of the objective is near 1 in every direction. A class's probability p
// curves the loss by p(1-p), about 1/classes at the start, times the variance.
func (d *design) scales(c float64) []float64 {
	scale := make([]float64, d.classes*(d.dim+1))
	curvature := c * float64(d.n) / float64(d.classes)
	for k := range d.classes {
		for j, v := range d.variance {
			scale[k*d.dim+j] = 1 / math.Sqrt(1+curvature*v)
		}
		scale[d.classes*d.dim+k] = 1 / math.Sqrt(curvature)
	}
	return scale
}

// penalized is the objective in scaled coordinates. It remembers the last point, at which both value and gradient are asked for.
type penalized struct {
	*design
	ctx      context.Context
	c        float64
	scale    []float64
	last     []float64 // the point
	at       []float64 // the point in the design's coordinates
	f        float64
	gradient []float64
	err      error
}

func (p *penalized) value(x []float64) float64 {
	p.evaluate(x)
	return p.f
}

func (p *penalized) slope(gradient, x []float64) {
	p.evaluate(x)
	copy(gradient, p.gradient)
}

func (p *penalized) evaluate(x []float64) {
	if p.same(x) {
		return
	}
	p.last = append(p.last[:0], x...)
	for i, v := range x {
		p.at[i] = v * p.scale[i]
	}
	k := p.classes * p.dim
	loss, err := p.loss(p.ctx, p.at[:k], p.at[k:], p.gradient[:k], p.gradient[k:])
	if err != nil { // a constant ends the search
		p.err, p.f = err, 0
		clear(p.gradient)
		return
	}
	p.f = p.c * loss
	for i := range p.gradient {
		g := p.c * p.gradient[i]
		if i < k {
			g += p.at[i]
			p.f += p.at[i] * p.at[i] / 2
		}
		p.gradient[i] = g * p.scale[i]
	}
}

func (p *penalized) same(x []float64) bool {
	if len(p.last) != len(x) {
		return false
	}
	for i, v := range x {
		if v != p.last[i] {
			return false
		}
	}
	return true
}

// relative ends a search where half the square of the gradient is a small share of the objective. With a curvature of 1 it is the distance
// to the minimum.
type relative struct{ tolerance float64 }

// Init implements optimize.Converger.
func (*relative) Init(int) {}

// Converged implements optimize.Converger.
func (r *relative) Converged(l *optimize.Location) optimize.Status {
	if len(l.Gradient) == 0 {
		return optimize.NotTerminated
	}
	sum := 0.0
	for _, g := range l.Gradient {
		sum += g * g
	}
	if sum/2 <= r.tolerance*math.Abs(l.F) {
		return optimize.GradientThreshold
	}
	return optimize.NotTerminated
}
