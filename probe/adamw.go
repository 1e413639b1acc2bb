package probe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
)

// AdamW is the linear probe of CLIP_benchmark: a linear layer trained with AdamW on cross-entropy. The rate falls along a half cosine from
// Rate to 0 over all steps, without warm-up. The weight decay applies to weights and biases.
type AdamW struct {
	Rate      float64
	Epochs    int
	BatchSize int // the last batch of an epoch may be smaller
	Decay     float64
	Seed      uint64

	// Start is the layer before training; nil: uniform between -1/sqrt(dim) and 1/sqrt(dim), from Seed.
	Start *Head
	// Order is the order of the n samples in an epoch; nil: a permutation from Seed and the epoch.
	Order func(epoch, n int) []int `json:"-"`
}

// CLIPBenchmark are the settings that CLIP_benchmark has by default.
var CLIPBenchmark = AdamW{Rate: 0.1, Epochs: 10, BatchSize: 64}

const (
	beta1, beta2 = 0.9, 0.999
	epsilon      = 1e-8
)

// Fit trains a layer for a set. It is deterministic.
func (a AdamW) Fit(ctx context.Context, s Set, classes int) (*Head, error) {
	switch {
	case a.Epochs < 1 || a.BatchSize < 1:
		return nil, fault.Usagef("a probe of %d epochs in batches of %d: at least 1 is needed", a.Epochs, a.BatchSize)
	case !(a.Rate > 0) || !(a.Decay >= 0) || math.IsInf(a.Rate, 0) || math.IsInf(a.Decay, 0):
		return nil, fault.Usagef("a probe with rate %g and weight decay %g: the rate is above 0, the decay at least 0", a.Rate, a.Decay)
	}
	if err := s.check(classes); err != nil {
		return nil, err
	}
	h := a.start(classes, s.Dim)
	order := a.Order
	if order == nil {
		order = func(epoch, n int) []int { return rand.New(rand.NewPCG(a.Seed, uint64(epoch)+1)).Perm(n) }
	}
	batches := (s.Len() + a.BatchSize - 1) / a.BatchSize
	t := &trainer{AdamW: a, head: h, steps: a.Epochs * batches, weights: newMoments(len(h.Weight)), biases: newMoments(len(h.Bias))}
	for epoch := range a.Epochs {
		rows := order(epoch, s.Len())
		if len(rows) != s.Len() {
			return nil, fmt.Errorf("probe: the order of epoch %d has %d of %d samples", epoch, len(rows), s.Len())
		}
		err := torch.Do(ctx, func(scope *torch.Scope) error { return t.epoch(ctx, scope, s, rows) })
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (a AdamW) start(classes, dim int) *Head {
	h := &Head{Classes: classes, Dim: dim, Weight: make([]float32, classes*dim), Bias: make([]float32, classes)}
	if a.Start != nil {
		copy(h.Weight, a.Start.Weight)
		copy(h.Bias, a.Start.Bias)
		return h
	}
	random, bound := rand.New(rand.NewPCG(a.Seed, 0)), 1/math.Sqrt(float64(dim))
	for _, part := range [][]float32{h.Weight, h.Bias} {
		for i := range part {
			part[i] = float32((2*random.Float64() - 1) * bound)
		}
	}
	return h
}

// trainer is a training in progress.
type trainer struct {
	AdamW
	head            *Head
	step, steps     int
	weights, biases moments
}

// moments are AdamW's running means of the gradient and of its square.
type moments struct{ mean, square []float32 }

func newMoments(n int) moments { return moments{make([]float32, n), make([]float32, n)} }

func (t *trainer) epoch(ctx context.Context, scope *torch.Scope, s Set, rows []int) error {
	for from := 0; from < len(rows); from += t.BatchSize {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := s.Select(rows[from:min(from+t.BatchSize, len(rows))])
		scope.Within(func(inner *torch.Scope) { t.update(inner, batch) })
	}
	return nil
}

// update makes one step: the gradient of the mean cross-entropy by the logits is (softmax - target) / batch.
func (t *trainer) update(s *torch.Scope, batch Set) {
	h, n := t.head, batch.Len()
	x := torch.From(s, batch.Features, n, h.Dim)
	g := x.Linear(torch.From(s, h.Weight, h.Classes, h.Dim), torch.From(s, h.Bias, h.Classes)).Softmax(1).Float32s()
	for i, label := range batch.Labels {
		g[i*h.Classes+label]--
	}
	for i := range g {
		g[i] /= float32(n)
	}
	byLogits := torch.From(s, g, n, h.Classes)
	rate := 0.5 * (1 + math.Cos(math.Pi*float64(t.step)/float64(t.steps))) * t.Rate
	t.step++
	t.weights.apply(h.Weight, byLogits.Transpose(0, 1).Matmul(x).Float32s(), rate, t.Decay, t.step)
	t.biases.apply(h.Bias, byLogits.SumAlong(0).Float32s(), rate, t.Decay, t.step)
}

// apply is AdamW as PyTorch has it, for step 1, 2, ...
func (m moments) apply(p, g []float32, rate, decay float64, step int) {
	size := float32(rate / (1 - math.Pow(beta1, float64(step))))
	norm := float32(math.Sqrt(1 - math.Pow(beta2, float64(step))))
	keep := float32(1 - rate*decay)
	for i := range p {
		m.mean[i] += (g[i] - m.mean[i]) * (1 - beta1)
		m.square[i] = m.square[i]*beta2 + g[i]*g[i]*(1-beta2)
		root := float32(math.Sqrt(float64(m.square[i])))
		p[i] = p[i]*keep - size*m.mean[i]/(root/norm+epsilon)
	}
}
