package probe

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"clipgo/internal/torch"
)

// design is the data of a logistic regression in coordinates in which its curvature is nearly diagonal: the features are centred, which the
// intercept absorbs, and rotated to the eigenvectors of their covariance, which the penalty doesn't see. The minimum is the same.
type design struct {
	scope       *torch.Scope
	z           *torch.Tensor // [n, dim], float64: centred and rotated
	mean        []float64     // [dim] of the features
	axes        *mat.Dense    // [dim, dim]: an eigenvector a column
	variance    []float64     // [dim] along each axis
	sums        []float64     // [classes, dim]: sum of z over the samples of a class
	counts      []float64     // [classes]: samples
	n, dim      int
	classes     int
	evaluations int
}

// newDesign makes the coordinates. The caller frees its scope.
func newDesign(ctx context.Context, s Set, classes int) (*design, error) {
	d := &design{
		scope: torch.NewScope(), n: s.Len(), dim: s.Dim, classes: classes,
		sums: make([]float64, classes*s.Dim), counts: make([]float64, classes),
	}
	err := torch.Do(ctx, func(inner *torch.Scope) error {
		x := torch.From(inner, s.Features, s.Len(), s.Dim).To(torch.Float64)
		mean := x.MeanAlong(0)
		d.mean = mean.Float64s()
		x = x.Sub(mean.Reshape(1, d.dim))
		covariance := x.Transpose(0, 1).Matmul(x).Scale(1 / float64(d.n)).Float64s()
		if err := d.rotate(covariance); err != nil {
			return err
		}
		d.z = d.scope.Keep(x.Matmul(torch.From(inner, d.axes.RawMatrix().Data, d.dim, d.dim)))
		z := d.z.Float64s()
		for i, label := range s.Labels {
			d.counts[label]++
			to := d.sums[label*d.dim : (label+1)*d.dim]
			for j, v := range z[i*d.dim : (i+1)*d.dim] {
				to[j] += v
			}
		}
		return nil
	})
	if err != nil {
		d.scope.Free()
		return nil, err
	}
	return d, nil
}

// rotate finds the axes of a covariance [dim, dim].
func (d *design) rotate(covariance []float64) error {
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(d.dim, covariance), true) {
		return fmt.Errorf("probe: the covariance of the features has no eigenvectors")
	}
	d.variance = eigen.Values(nil)
	for i, v := range d.variance {
		d.variance[i] = math.Max(v, 0) // rounding
	}
	d.axes = mat.NewDense(d.dim, d.dim, nil)
	eigen.VectorsTo(d.axes)
	return nil
}

// head is the classifier for the original features of weights [classes, dim] and biases [classes] in the design's coordinates.
func (d *design) head(weight, bias []float64) *Head {
	var w mat.Dense
	w.Mul(mat.NewDense(d.classes, d.dim, weight), d.axes.T())
	h := &Head{Classes: d.classes, Dim: d.dim, Weight: make([]float32, d.classes*d.dim), Bias: make([]float32, d.classes)}
	for c := range d.classes {
		b := bias[c]
		for j := range d.dim {
			v := w.At(c, j)
			h.Weight[c*d.dim+j] = float32(v)
			b -= v * d.mean[j]
		}
		h.Bias[c] = float32(b)
	}
	return h
}

// loss returns sum(-log p(y|x)) over the samples and its gradient by weight [classes, dim] and bias [classes], which is written to the
// slices.
func (d *design) loss(ctx context.Context, weight, bias, byWeight, byBias []float64) (total float64, err error) {
	d.evaluations++
	err = torch.Do(ctx, func(s *torch.Scope) error {
		w := torch.From(s, weight, d.classes, d.dim).Transpose(0, 1)
		b := torch.From(s, bias, 1, d.classes)
		toWeight := torch.Zeros(s, torch.Float64, torch.CPU, d.classes, d.dim)
		toBias := torch.Zeros(s, torch.Float64, torch.CPU, 1, d.classes)
		for from := 0; from < d.n; from += chunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.Within(func(inner *torch.Scope) {
				z := d.z.In(inner).Narrow(0, from, min(chunk, d.n-from))
				logits := z.Matmul(w).Add(b)
				norms := logits.LogSumExp(1)
				total += norms.Sum().Item()
				p := logits.Sub(norms.Reshape(norms.Len(), 1)).Exp()
				toWeight.In(inner).AddInPlace(p.Transpose(0, 1).Matmul(z))
				toBias.In(inner).AddInPlace(p.SumAlong(0))
			})
		}
		copy(byWeight, toWeight.Float64s())
		copy(byBias, toBias.Float64s())
		return nil
	})
	for i, v := range d.sums {
		total -= weight[i] * v
		byWeight[i] -= v
	}
	for c, v := range d.counts {
		total -= bias[c] * v
		byBias[c] -= v
	}
	return total, err
}
