package losses

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// float32 sums of a few dozen terms, each rounded to 6e-8 of itself.
var plainTol = golden.Tol{Abs: 1e-6, RelMax: 2e-6}

func random(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(2 * rng.NormFloat64())
	}
	return out
}

// choice is the cross-entropy of rows by its definition in float64, with its gradient; q gives the target.
func choice(logits []float32, k int, over float64, q func(row, class int) float64) (loss float64, gradient []float32) {
	gradient = make([]float32, len(logits))
	for r := 0; r < len(logits)/k; r++ {
		var sum, mass float64
		for c := range k {
			sum += math.Exp(float64(logits[r*k+c]))
			mass += q(r, c)
		}
		for c := range k {
			z := float64(logits[r*k+c])
			loss -= q(r, c) * (z - math.Log(sum)) / over
			gradient[r*k+c] = float32((mass*math.Exp(z)/sum - q(r, c)) / over)
		}
	}
	return loss, gradient
}

// smooth is a target by the definition of the two conventions.
func smooth(s Smoothing, class, right, k int) float64 {
	target := 0.0
	if class == right {
		target = 1
	}
	switch {
	case k == 1:
		return target
	case s.Form == Classes:
		return (1-s.Share)*target + s.Share/float64(k)
	case class == right:
		return 1 - s.Share
	default:
		return s.Share / float64(k-1)
	}
}

func TestCrossEntropyIsItsDefinition(t *testing.T) {
	for _, c := range []struct {
		name    string
		targets []int64
		k, over int
		smooth  Smoothing
	}{
		{"plain", []int64{3, 0, 6, 2}, 7, 0, Smoothing{0, Others}},
		{"some ignored", []int64{Ignore, 0, Ignore, 2, 5}, 7, 0, Smoothing{0, Others}},
		{"others", []int64{3, Ignore, 6}, 7, 0, Smoothing{0.1, Others}},
		{"classes", []int64{3, Ignore, 6}, 7, 0, Smoothing{0.1, Classes}},
		{"heavily smoothed", []int64{1, 0}, 2, 0, Smoothing{0.4, Others}},
		{"one class, others", []int64{0, 0}, 1, 0, Smoothing{0.1, Others}},
		{"one class, classes", []int64{0, 0}, 1, 0, Smoothing{0.1, Classes}},
		{"part of a batch", []int64{3, Ignore, 6}, 7, 10, Smoothing{0.1, Others}},
		{"none", []int64{Ignore, Ignore}, 7, 0, Smoothing{0.1, Others}},
	} {
		t.Run(c.name, func(t *testing.T) {
			logits := random(len(c.targets)*c.k, uint64(c.k))
			rows, _ := counted(c.targets)
			over := float64(max(c.over, len(rows)))
			loss, gradient := choice(logits, c.k, over, func(r, class int) float64 {
				if c.targets[r] == Ignore {
					return 0
				}
				return smooth(c.smooth, class, int(c.targets[r]), c.k)
			})
			if len(rows) == 0 {
				loss, gradient = 0, make([]float32, len(logits))
			}
			torchtest.RunGrad(t, func(s *torch.Scope) {
				x := torch.From(s, logits, len(c.targets), c.k).Trainable()
				compare(t, x, CrossEntropy{Smoothing: c.smooth, Over: c.over}.Forward(x, c.targets), loss, gradient)
			})
		})
	}
}

func compare(t *testing.T, x, got *torch.Tensor, loss float64, gradient []float32) {
	t.Helper()
	golden.Close(t, "loss", got.Float32s(), []float32{float32(loss)}, plainTol)
	got.Backward()
	golden.Close(t, "gradient", x.Gradient(x.Scope()).Float32s(), gradient, plainTol)
	torch.DropGradients([]*torch.Tensor{x})
}

// The parts of a batch, each over the whole count, add up to the batch.
func TestPartsAddUpToTheWhole(t *testing.T) {
	targets := []int64{3, Ignore, 6, 0, Ignore, Ignore, 1, 2}
	logits := random(8*7, 3)
	torchtest.Run(t, func(s *torch.Scope) {
		x := torch.From(s, logits, 8, 7)
		c := CrossEntropy{Smoothing: Smoothing{0.1, Others}}
		whole := c.Forward(x, targets).Item()
		c.Over = 5
		var sum float64
		for _, at := range []int{0, 2, 4, 6} {
			sum += c.Forward(x.Narrow(0, at, 2), targets[at:at+2]).Item()
		}
		if math.Abs(sum-whole) > 1e-6 {
			t.Errorf("the parts give %g, the whole %g", sum, whole)
		}
	})
}

func TestSoftTargetsAreTheirDefinition(t *testing.T) {
	const rows, k = 3, 5
	logits, targets := random(rows*k, 8), []float32{0.5, 0.5, 0, 0, 0, 0, 0, 1, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2}
	loss, gradient := choice(logits, k, rows, func(r, c int) float64 { return float64(targets[r*k+c]) })
	torchtest.RunGrad(t, func(s *torch.Scope) {
		x := torch.From(s, logits, rows, k).Trainable()
		compare(t, x, Soft(x, torch.From(s, targets, rows, k)), loss, gradient)
	})
}

func TestSharesSumToOneAndAgreeWithOneRightClass(t *testing.T) {
	for _, s := range []Smoothing{{0, Others}, {0.1, Others}, {0.1, Classes}, {0.7, Others}} {
		for k := 1; k <= 5; k++ {
			for right := 1; right <= k; right++ {
				each, other := s.Shares(right, k)
				if sum := each*float64(right) + other*float64(k-right); math.Abs(sum-1) > 1e-15 {
					t.Errorf("%+v, %d of %d: the targets sum to %g", s, right, k, sum)
				}
				if right > 1 {
					continue
				}
				wantEach, wantOther := smooth(s, 0, 0, k), smooth(s, 1, 0, k)
				if math.Abs(each-wantEach) > 1e-15 || k > 1 && math.Abs(other-wantOther) > 1e-15 {
					t.Errorf("%+v, 1 of %d: %g and %g, want %g and %g", s, k, each, other, wantEach, wantOther)
				}
			}
		}
	}
}

func TestTheRightAreCounted(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{0, 1, 0, 3, 2, 1, 1, 2, 3, 9, 0, 0}, 4, 3)
		if n := Matches(x.Argmax(1).Float64s(), []int64{1, 1, 2, Ignore}); n != 2 {
			t.Errorf("%d are right, want 2", n)
		}
		if n := Matches(nil, nil); n != 0 {
			t.Errorf("of none %d are right", n)
		}
	})
}

// A caption's last row and first token have no partner, no caption sees the next one's, and padding is not asked for.
func TestEachTokenIsPredictedByTheRowBefore(t *testing.T) {
	rows, tokens := NextTokens([]int32{5, 1, 2, 9 /**/, 4, 3, 9, 9 /**/, 9, 9, 9, 9}, 4, 9)
	if !slices.Equal(rows, []int64{0, 1, 3}) || !slices.Equal(tokens, []int64{1, 2, 3}) {
		t.Errorf("rows %v predict %v", rows, tokens)
	}
}

func TestRankingIsItsDefinition(t *testing.T) {
	a, b := []float32{1, -2, 0.5, 30, -40, 0}, []float32{0.5, 1, 0.5, -50, 60, 0}
	for name, preferred := range map[string][]float32{"A": nil, "with ties": {1, 0, 0.5, 1, 0, 0.5}} {
		t.Run(name, func(t *testing.T) {
			var loss float64
			gradient := make([]float32, len(a))
			for i := range a {
				d, y := float64(a[i])-float64(b[i]), 1.0
				if preferred != nil {
					y = float64(preferred[i])
				}
				n := float64(len(a))
				loss += (y*math.Log1p(math.Exp(-d)) + (1-y)*math.Log1p(math.Exp(d))) / n
				gradient[i] = float32((1/(1+math.Exp(-d)) - y) / n)
			}
			torchtest.RunGrad(t, func(s *torch.Scope) {
				x := torch.From(s, a, len(a)).Trainable()
				compare(t, x, Ranking(x, torch.From(s, b, len(b)), preferred), loss, gradient)
			})
		})
	}
}
