package contrastive

import (
	"math"
	"math/rand/v2"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
)

// contrasting makes unit features of n pairs, of which equal groups share their caption.
func contrasting(s *torch.Scope, dtype torch.DType, n, dim int, group []int32) LossInput {
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	rows := func(same []int32) *torch.Tensor {
		v := make([]float64, n*dim)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		for i, g := range same {
			copy(v[i*dim:(i+1)*dim], v[int(g)*dim:])
		}
		return torch.From(s, v, n, dim).Unit().To(dtype).Detach().Trainable()
	}
	one := func(v float64) *torch.Tensor { return torch.From(s, []float64{v}).To(dtype).Detach().Trainable() }
	return LossInput{Image: rows(nil), Text: rows(group), Scale: one(14), Bias: one(-2.5), Group: group}
}

// A loss in tiles against the same loss by autograd over the whole matrix. In float64 only the order of sums differs; in float32
// a logit of 14 has an error of 1e-6, which the exponential passes on.
func TestTilesGiveTheLossOfTheWholeMatrix(t *testing.T) {
	smooth := func(e float64, f losses.Form) losses.Smoothing { return losses.Smoothing{Share: e, Form: f} }
	repeats := []int32{0, 1, 0, 3, 4, 1, 0, 7, 8, 9, 10, 11, 3}
	for _, c := range []struct {
		name string
		loss interface {
			Loss
			tiles(*tiling) LossGrads
		}
		group []int32
	}{
		{"InfoNCE", InfoNCE{smooth(0, losses.Others)}, nil},
		{"InfoNCE, smoothed over others", InfoNCE{smooth(0.2, losses.Others)}, nil},
		{"InfoNCE, smoothed over classes", InfoNCE{smooth(0.2, losses.Classes)}, nil},
		{"InfoNCE, equal captions", InfoNCE{smooth(0, losses.Others)}, repeats},
		{"InfoNCE, equal captions, smoothed over others", InfoNCE{smooth(0.2, losses.Others)}, repeats},
		{"InfoNCE, equal captions, smoothed over classes", InfoNCE{smooth(0.2, losses.Classes)}, repeats},
		{"InfoNCE, groups without repeats", InfoNCE{smooth(0.1, losses.Others)}, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"sigmoid", Sigmoid{}, nil},
		{"sigmoid, equal captions", Sigmoid{}, repeats},
	} {
		for dtype, tol := range map[torch.DType]float64{torch.Float64: 1e-10, torch.Float32: 1e-5} {
			for _, rows := range []int{1, 5, 13, 0} {
				torchtest.RunGrad(t, func(s *torch.Scope) {
					in := contrasting(s, dtype, 13, 8, c.group)
					got := c.loss.tiles(in.tiled(rows))
					want := c.loss.Forward(in)
					want.Backward()
					closeTo(t, c.name+": loss", []float64{got.Loss.Item()}, want.Float64s(), tol)
					closeTo(t, c.name+": image", got.Image.Float64s(), in.Image.Gradient(s).Float64s(), tol)
					closeTo(t, c.name+": text", got.Text.Float64s(), in.Text.Gradient(s).Float64s(), tol)
					closeTo(t, c.name+": scale", got.Scale.Float64s(), in.Scale.Gradient(s).Float64s(), tol)
					if _, infonce := c.loss.(InfoNCE); infonce {
						closeTo(t, c.name+": bias", got.Bias.Float64s(), []float64{0}, tol)
					} else {
						closeTo(t, c.name+": bias", got.Bias.Float64s(), in.Bias.Gradient(s).Float64s(), tol)
					}
					torch.DropGradients([]*torch.Tensor{in.Image, in.Text, in.Scale, in.Bias})
				})
			}
		}
	}
}

// closeTo compares with a tolerance of the largest wanted number.
func closeTo(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	var most, off float64
	for i, w := range want {
		most, off = max(most, math.Abs(w)), max(off, math.Abs(got[i]-w))
	}
	if !(off <= tol*max(most, 1e-3)) {
		t.Errorf("%s: off by %.2g of %.2g, more than %g", what, off, most, tol)
	}
}

// More pairs than a whole matrix is held for: the objective takes tiles by itself, and gives logit_scale and logit_bias their
// gradients. The matrix of 4,100 pairs is the oracle, made in a strip of all rows.
func TestManyPairsTakeTiles(t *testing.T) {
	const n, weight = wholeUpTo + 4, 0.5
	torchtest.RunGrad(t, func(s *torch.Scope) {
		for name, o := range map[string]*Objective{
			"InfoNCE": {Loss: InfoNCE{losses.Smoothing{Share: 0.1, Form: losses.Others}}}, "sigmoid": {Loss: Sigmoid{}},
		} {
			in := contrasting(s, torch.Float32, n, 8, nil)
			got := o.BackwardLoss(in, weight)
			scale, bias := in.Scale.Gradient(s).Float64s(), in.Bias.Gradient(s).Float64s()
			if in.Image.Gradient(s) != nil {
				t.Errorf("%s: the matrix was held", name)
			}
			torch.DropGradients([]*torch.Tensor{in.Scale, in.Bias})
			want := o.Loss.Forward(in)
			want.Scale(weight).Backward()
			closeTo(t, name+": loss", []float64{got.Loss.Item()}, want.Float64s(), 1e-5)
			closeTo(t, name+": image", got.Image.Float64s(), in.Image.Gradient(s).Float64s(), 1e-5)
			closeTo(t, name+": text", got.Text.Float64s(), in.Text.Gradient(s).Float64s(), 1e-5)
			closeTo(t, name+": scale", scale, in.Scale.Gradient(s).Float64s(), 1e-5)
			if name == "sigmoid" { // InfoNCE's is 0, by autograd a sum of rounding errors
				closeTo(t, name+": bias", bias, in.Bias.Gradient(s).Float64s(), 1e-5)
			}
			torch.DropGradients([]*torch.Tensor{in.Image, in.Text, in.Scale, in.Bias})
		}
	})
}
