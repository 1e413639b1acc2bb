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
	z           *torch.Tensor // [n, dim], of the type of the computation: centred and rotated
	labels      *torch.Tensor // [n, 1] of int64
	mean        []float64     // [dim] of the features
	axes        *mat.Dense    // [dim, dim]: an eigenvector a column
	variance    []float64     // [dim] along each axis
	n, dim      int
	classes     int
	evaluations int
}

// newDesign makes the coordinates, for computation in a type. The caller frees its scope.
func newDesign(ctx context.Context, s Set, classes int, dtype torch.DType) (*design, error) {
	d := &design{scope: torch.NewScope(), n: s.Len(), dim: s.Dim, classes: classes}
	err := torch.Do(ctx, func(inner *torch.Scope) error {
		x := torch.From(inner, s.Features, s.Len(), s.Dim).To(torch.Float64)
		mean := x.MeanAlong(0)
		d.mean = mean.Float64s()
		x = x.Sub(mean.Reshape(1, d.dim))
		covariance := x.Transpose(0, 1).Matmul(x).Scale(1 / float64(d.n)).Float64s()
		if err := d.rotate(covariance); err != nil {
			return err
		}
		x = x.Matmul(torch.From(inner, d.axes.RawMatrix().Data, d.dim, d.dim))
		d.z = d.scope.Keep(x.To(dtype).Contiguous())
		d.labels = d.scope.Keep(torch.From(inner, torch.Int64s(s.Labels), d.n, 1))
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

// point is a head in the design's coordinates: weight [classes, dim], then bias [classes]. Without a head it is zeros.
func (d *design) point(h *Head) []float64 {
	k := d.classes * d.dim
	out := make([]float64, k+d.classes)
	if h == nil {
		return out
	}
	for i, v := range h.Weight {
		out[i] = float64(v)
	}
	for c := range d.classes {
		out[k+c] = float64(h.Bias[c]) + dot(out[c*d.dim:(c+1)*d.dim], d.mean)
	}
	w := mat.NewDense(d.classes, d.dim, out[:k])
	w.Mul(mat.DenseCopyOf(w), d.axes)
	return out
}

// each calls f for some rows at a time: their features [m, dim], and a mask [m, classes] that is 1 at their labels.
func (d *design) each(ctx context.Context, f func(s *torch.Scope, z, mask *torch.Tensor)) error {
	d.evaluations++
	return torch.Do(ctx, func(s *torch.Scope) error {
		classes := torch.Arange(s, d.classes, torch.CPU).Reshape(1, d.classes)
		for from := 0; from < d.n; from += chunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			s.Within(func(inner *torch.Scope) {
				m := min(chunk, d.n-from)
				z := d.z.In(inner).Narrow(0, from, m)
				f(inner, z, d.labels.In(inner).Narrow(0, from, m).Equal(classes, z.DType()))
			})
		}
		return nil
	})
}

// probabilities are those of the classes [m, classes] for samples, at a point: weight [classes, dim], then bias [classes].
func (d *design) probabilities(s *torch.Scope, z *torch.Tensor, point []float64) *torch.Tensor {
	k := d.classes * d.dim
	w := torch.From(s, point[:k], d.classes, d.dim).To(z.DType())
	return z.Linear(w, torch.From(s, point[k:], d.classes).To(z.DType())).Softmax(1)
}

// slope writes the gradient of sum(-log p(y|x)) at a point. The share of a sample's own class is minus the sum of the other classes'
// probabilities: 1 - p would round to 0 where p is near 1.
func (d *design) slope(ctx context.Context, point, gradient []float64) error {
	clear(gradient)
	k := d.classes * d.dim
	return d.each(ctx, func(s *torch.Scope, z, mask *torch.Tensor) {
		r := d.probabilities(s, z, point)
		r = r.Sub(r.Mul(mask))
		r.SubInPlace(mask.Mul(r.SumAlong(1).Reshape(-1, 1)))
		addTo(gradient[:k], r.Transpose(0, 1).Matmul(z))
		addTo(gradient[k:], r.SumAlong(0))
	})
}

// curvature writes the second derivatives of sum(-log p(y|x)) by each coordinate at a point.
func (d *design) curvature(ctx context.Context, point, diagonal []float64) error {
	clear(diagonal)
	k := d.classes * d.dim
	return d.each(ctx, func(s *torch.Scope, z, _ *torch.Tensor) {
		p := d.probabilities(s, z, point)
		p = p.Sub(p.Mul(p))
		addTo(diagonal[:k], p.Transpose(0, 1).Matmul(z.Mul(z)))
		addTo(diagonal[k:], p.SumAlong(0))
	})
}

// loss is sum(-log p(y|x)) at a point, in float64.
func (d *design) loss(ctx context.Context, point []float64) (total float64, err error) {
	k := d.classes * d.dim
	err = d.each(ctx, func(s *torch.Scope, z, mask *torch.Tensor) {
		w := torch.From(s, point[:k], d.classes, d.dim)
		logits := z.To(torch.Float64).Linear(w, torch.From(s, point[k:], d.classes))
		total += logits.LogSumExp(1).Sum().Item() - logits.Mul(mask.To(torch.Float64)).Sum().Item()
	})
	return total, err
}

func addTo(sum []float64, t *torch.Tensor) {
	for i, v := range t.To(torch.Float64).Float64s() {
		sum[i] += v
	}
}
