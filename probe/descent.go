package probe

import (
	"context"
	"math"
	"slices"
)

// descent minimizes the objective for one C after the other by L-BFGS. Three things make it fast along a path: it starts where the minima
// before lead to; the curvature that it learned stays valid, since pairs hold the loss and the penalty apart; and the rest of the
// curvature is the exact diagonal at the minimum before. Steps are chosen by the slope alone, which rounding disturbs less than
// differences of values. As the objective is convex, that is safe.
type descent struct {
	*design
	tolerance float64
	warm      bool      // the point is near a minimum, for some C
	point     []float64 // weight, then bias
	slope     []float64 // gradient of the loss at the point
	curved    []float64 // second derivatives of the loss by each coordinate, at some point
	diagonal  []float64 // of the objective for this C, of curved
	pairs     []pair    // the oldest first
	c, before float64   // this C and the one before; 0: none
	last      []float64 // the minimum for the one before
	value     float64   // of the objective at the end of the search for this C
}

// pair is a step and how the gradient changed with it.
type pair struct {
	step, ofLoss []float64
	change       []float64 // of the objective for the current C
	scale        float64   // 1 / (step * change)
}

const (
	maxIterations = 5000
	maxPairs      = 20
	memoryOfPairs = 1 << 26 // numbers
	triesOfLength = 12
	flatEnough    = 0.9  // the slope along a step at its end, relative to that at its start
	farAway       = 32.0 // a C that differs by more needs others between
	roughly       = 1e-3 // tolerance for those between
)

func newDescent(d *design, start []float64, warm bool, tolerance float64) *descent {
	n := len(start)
	return &descent{
		design: d, tolerance: tolerance, warm: warm, point: start, slope: make([]float64, n), curved: make([]float64, n),
		diagonal: make([]float64, n),
	}
}

// minimize finds the minimum for a C from the current point. From far below it goes by way of values between: where samples are separable,
// the curvature at the start says nothing of that at the end. From far above it begins with zeros.
func (m *descent) minimize(ctx context.Context, c float64) (*Fitted, error) {
	begun := m.evaluations
	if m.c > farAway*c {
		clear(m.point)
		m.warm, m.pairs, m.last, m.c, m.before = false, nil, nil, 0, 0
	}
	from := m.c
	if from == 0 { // the C for which the loss curves as the penalty does
		from = float64(m.classes) / (float64(m.n) * max(slices.Max(m.variance), 1e-30))
	}
	for between := from * farAway; between < c && !(m.warm && m.c == 0); between *= farAway {
		if _, err := m.solve(ctx, between, roughly); err != nil {
			return nil, err
		}
	}
	fit, err := m.solve(ctx, c, m.tolerance)
	if err != nil {
		return nil, err
	}
	k := m.classes * m.dim
	fit.Iterations, fit.Head = m.evaluations-begun, *m.head(m.point[:k], m.point[k:])
	return fit, nil
}

// solve goes to the minimum for a C. It ends where the fall that is ahead is small both by what was learned of the curvature and by the
// diagonal of the point itself.
func (m *descent) solve(ctx context.Context, c, tolerance float64) (*Fitted, error) {
	fit, enough, checked, begun := &Fitted{C: c}, math.Inf(1), false, m.evaluations
	if m.c > 0 { // the value at the minimum is concave in C, so it is at least this one
		enough = 2 * tolerance * m.value * min(1, c/m.c)
	}
	if err := m.begin(ctx, c); err != nil {
		return nil, err
	}
	for m.evaluations-begun < maxIterations {
		g := m.gradient(m.slope, m.point)
		direction := m.direction(g)
		fall := -dot(direction, g)
		if fit.Converged = fall <= enough && checked; fit.Converged {
			break
		}
		if fall <= enough {
			loss, err := m.check(ctx)
			if err != nil {
				return nil, err
			}
			fit.Objective = m.objective(loss)
			enough, checked = 2*tolerance*fit.Objective, true
			continue
		}
		moved, err := m.move(ctx, direction, -fall)
		if err != nil {
			return nil, err
		}
		if !moved && len(m.pairs) == 0 {
			break // rounding hides the way down
		}
		if checked = false; !moved {
			m.pairs = nil
		}
	}
	if !checked {
		loss, err := m.loss(ctx, m.point)
		if err != nil {
			return nil, err
		}
		fit.Objective = m.objective(loss)
	}
	m.value = fit.Objective
	return fit, nil
}

// check computes the loss and its curvature at the point.
func (m *descent) check(ctx context.Context) (loss float64, err error) {
	if err := m.design.curvature(ctx, m.point, m.curved); err != nil {
		return 0, err
	}
	m.scale()
	return m.loss(ctx, m.point)
}

// scale makes the diagonal for the current C.
func (m *descent) scale() {
	k := m.classes * m.dim
	floor := 1e-6 * m.c * float64(m.n) / float64(m.classes)
	for i, v := range m.curved {
		if i < k {
			m.diagonal[i] = 1 + m.c*v
		} else {
			m.diagonal[i] = max(m.c*v, floor)
		}
	}
}

// begin goes to the point at which the search for a C starts.
func (m *descent) begin(ctx context.Context, c float64) error {
	first := m.c == 0
	here := slices.Clone(m.point)
	if m.last != nil {
		// Along the path the minimum is a smooth function of log C.
		if far := math.Log(c/m.c) / math.Log(m.c/m.before); far > 0 && far < 1.5 {
			for i, v := range here {
				m.point[i] += far * (v - m.last[i])
			}
		}
	}
	if !first {
		m.last = here
	}
	m.before, m.c = m.c, c
	if first {
		if err := m.design.curvature(ctx, m.point, m.curved); err != nil {
			return err
		}
	}
	m.scale()
	for i := range m.pairs {
		m.pairs[i].renew(c, m.classes*m.dim)
	}
	return m.design.slope(ctx, m.point, m.slope)
}

func (p *pair) renew(c float64, weights int) {
	for i, v := range p.ofLoss {
		p.change[i] = c * v
		if i < weights {
			p.change[i] += p.step[i]
		}
	}
	p.scale = 1 / dot(p.step, p.change)
}

// objective is its value for a loss at the current point.
func (m *descent) objective(loss float64) float64 {
	w := m.point[:m.classes*m.dim]
	return m.c*loss + dot(w, w)/2
}

// gradient of the objective, of the loss's gradient at a point.
func (m *descent) gradient(slope, point []float64) []float64 {
	k := m.classes * m.dim
	g := make([]float64, len(slope))
	for i, v := range slope {
		g[i] = m.c * v
		if i < k {
			g[i] += point[i]
		}
	}
	return g
}

// direction is the step to the minimum as far as the curvature is known.
func (m *descent) direction(gradient []float64) []float64 {
	q := slices.Clone(gradient)
	share := make([]float64, len(m.pairs))
	for i := len(m.pairs) - 1; i >= 0; i-- {
		p := m.pairs[i]
		share[i] = p.scale * dot(p.step, q)
		add(q, -share[i], p.change)
	}
	for i, v := range m.diagonal {
		q[i] /= -v
	}
	for i, p := range m.pairs {
		add(q, -share[i]-p.scale*dot(p.change, q), p.step)
	}
	return q
}

// move goes along a direction to a place where the slope along it is flatter, and remembers the curvature. It reports false if rounding
// hides such a place. fall is the slope at the start, below 0.
func (m *descent) move(ctx context.Context, direction []float64, fall float64) (moved bool, err error) {
	length, low, high := 1.0, 0.0, math.Inf(1)
	atLow, atHigh := fall, 0.0
	to, slope := make([]float64, len(m.point)), make([]float64, len(m.point))
	for range triesOfLength {
		copy(to, m.point)
		add(to, length, direction)
		if err := m.design.slope(ctx, to, slope); err != nil {
			return false, err
		}
		here := dot(m.gradient(slope, to), direction)
		if math.Abs(here) <= -flatEnough*fall {
			m.remember(to, slope)
			return true, nil
		}
		if here > 0 {
			high, atHigh = length, here
		} else {
			low, atLow = length, here
		}
		if math.IsInf(high, 1) {
			length *= 3
		} else {
			length = low + (high-low)*min(max(atLow/(atLow-atHigh), 0.1), 0.9)
		}
	}
	return false, nil
}

// remember goes to a point and keeps the pair that leads there.
func (m *descent) remember(to, slope []float64) {
	p := pair{step: to, ofLoss: slope, change: make([]float64, len(to))}
	for i, v := range m.point {
		m.point[i], p.step[i] = to[i], to[i]-v
	}
	for i, v := range m.slope {
		m.slope[i], p.ofLoss[i] = slope[i], slope[i]-v
	}
	p.renew(m.c, m.classes*m.dim)
	if !(p.scale > 0) || math.IsInf(p.scale, 0) {
		return // rounding
	}
	most := min(maxPairs, max(memoryOfPairs/(3*len(to)), 3))
	if len(m.pairs) >= most {
		m.pairs = append(m.pairs[:0], m.pairs[len(m.pairs)-most+1:]...)
	}
	m.pairs = append(m.pairs, p)
}

func dot(a, b []float64) float64 {
	var s, t, u, v float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s += a[i] * b[i]
		t += a[i+1] * b[i+1]
		u += a[i+2] * b[i+2]
		v += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s += a[i] * b[i]
	}
	return s + t + u + v
}

// add adds factor * b to a.
func add(a []float64, factor float64, b []float64) {
	b = b[:len(a)]
	for i, v := range b {
		a[i] += factor * v
	}
}
