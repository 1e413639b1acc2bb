package probe

import (
	"context"
	"math"
)

// descent minimizes the objective for one C after the other by L-BFGS. Three things make it fast along a path: it starts where the minima
// before lead to; the curvature that it learned stays valid, since pairs hold the loss and the penalty apart; and the rest of the
// curvature is the exact diagonal at the start of each C. Steps are chosen by the slope alone, which rounding disturbs less than
// differences of values. As the objective is convex, that is safe.
type descent struct {
	*design
	tolerance float64
	point     []float64 // weight, then bias
	slope     []float64 // gradient of the loss at the point
	diagonal  []float64 // of the objective's second derivatives, at the start of this C
	pairs     []pair    // the oldest first
	c, before float64   // this C and the one before; 0: none
	last      []float64 // the minimum for the one before
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
	flatEnough    = 0.9 // the slope along a step at its end, relative to that at its start
)

func newDescent(d *design, start []float64, tolerance float64) *descent {
	n := len(start)
	return &descent{design: d, tolerance: tolerance, point: start, slope: make([]float64, n), diagonal: make([]float64, n)}
}

// minimize finds the minimum for a C from the current point.
func (m *descent) minimize(ctx context.Context, c float64) (*Fitted, error) {
	begun := m.evaluations
	if err := m.begin(ctx, c); err != nil {
		return nil, err
	}
	loss, err := m.loss(ctx, m.point)
	if err != nil {
		return nil, err
	}
	enough := 2 * m.tolerance * m.objective(loss)
	fit := &Fitted{C: c}
	for m.evaluations-begun < maxIterations {
		g := m.gradient(m.slope, m.point)
		direction := m.direction(g)
		fall := -dot(direction, g)
		if fit.Converged = fall <= enough; fit.Converged {
			break
		}
		moved, err := m.move(ctx, direction, -fall)
		if err != nil {
			return nil, err
		}
		if !moved && len(m.pairs) == 0 {
			break // rounding hides the way down
		}
		if !moved {
			m.pairs = nil
		}
	}
	fit.Iterations = m.evaluations - begun
	if loss, err = m.loss(ctx, m.point); err != nil {
		return nil, err
	}
	k := m.classes * m.dim
	fit.Objective, fit.Head = m.objective(loss), *m.head(m.point[:k], m.point[k:])
	return fit, nil
}

// begin goes to the point at which the search for a C starts.
func (m *descent) begin(ctx context.Context, c float64) error {
	here := append([]float64(nil), m.point...)
	if m.last != nil {
		// Along the path the minimum is a smooth function of log C.
		if far := math.Log(c/m.c) / math.Log(m.c/m.before); far > 0 && far < 1.5 {
			for i, v := range here {
				m.point[i] += far * (v - m.last[i])
			}
		}
	}
	if m.c > 0 {
		m.last = here
	}
	m.before, m.c = m.c, c
	if err := m.design.curvature(ctx, m.point, m.diagonal); err != nil {
		return err
	}
	k := m.classes * m.dim
	floor := 1e-6 * c * float64(m.n) / float64(m.classes)
	for i, v := range m.diagonal {
		if i < k {
			m.diagonal[i] = 1 + c*v
		} else {
			m.diagonal[i] = max(c*v, floor)
		}
	}
	for i := range m.pairs {
		m.pairs[i].renew(c, k)
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
	q := append([]float64(nil), gradient...)
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
