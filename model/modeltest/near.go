package modeltest

import (
	"math"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// FeatureTol is the tolerance of unit features in golden/model's README.
func FeatureTol() golden.Tol { return golden.Tol{Abs: 2e-6} }

// HiddenTol is the tolerance of the layers' outputs there.
func HiddenTol() golden.Tol { return golden.Tol{Abs: 2e-5} }

// LossTol is the tolerance of losses there.
func LossTol() golden.Tol { return golden.Tol{Abs: 1e-5} }

// GradientTol is the tolerance of gradients there.
func GradientTol() golden.Tol { return golden.Tol{RelMax: 2e-4} }

// Near is golden.Close, and logs how far off the worst value is.
func Near(t *testing.T, name string, got, want []float32, tol golden.Tol) {
	t.Helper()
	var worst, largest float64
	for i := range min(len(got), len(want)) {
		worst, largest = max(worst, math.Abs(float64(got[i])-float64(want[i]))), max(largest, math.Abs(float64(want[i])))
	}
	t.Logf("%s: off by %.2g, of %.2g", name, worst, largest)
	golden.Close(t, name, got, want, tol)
}

// Aligned requires a cosine of at least 0.999 between each row and the wanted one.
func Aligned(t *testing.T, name string, got []float32, want golden.Tensor) {
	t.Helper()
	d := want.Shape[1]
	for i := range want.Shape[0] {
		if c := Cosine(got[i*d:(i+1)*d], want.F32[i*d:(i+1)*d]); c < 0.999 {
			t.Errorf("%s: row %d has cosine %.5f", name, i, c)
		}
	}
}

// Cosine is the cosine of the angle between two vectors.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// Grad runs f where gradients are recorded.
func Grad(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	torchtest.RunGrad(t, f)
}

// Narrow is token ids as models take them.
func Narrow(ids []int64) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = int32(id)
	}
	return out
}
