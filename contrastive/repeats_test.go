package contrastive

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

func TestEqualCaptionsHaveEqualNumbers(t *testing.T) {
	ids := []int32{7, 1, 0 /**/, 7, 2, 0 /**/, 7, 1, 0 /**/, 7, 1, 300 /**/, 7, 2, 0}
	b := &datasets.Batch{N: 5, IDs: ids, ContextLength: 3}
	if got := groups(b); !slices.Equal(got, []int32{0, 1, 0, 3, 1}) {
		t.Errorf("groups %v", got)
	}
	for _, c := range []struct {
		alike []uint64
		want  []int32
	}{
		{[]uint64{1, 2, 3, 4, 5}, []int32{0, 1, 0, 3, 1}},
		{[]uint64{1, 2, 3, 2, 5}, []int32{0, 1, 0, 1, 1}}, // the fourth has the second's captions
		{[]uint64{1, 2, 3, 4, 1}, []int32{0, 0, 0, 3, 0}}, // the last joins both groups of two
	} {
		b.Alike = c.alike
		if got := groups(b); !slices.Equal(got, c.want) {
			t.Errorf("alike %v: groups %v, want %v", c.alike, got, c.want)
		}
	}
	for _, c := range []struct {
		group []int32
		want  bool
	}{{nil, false}, {[]int32{0, 1, 2}, false}, {[]int32{0, 1, 0}, true}} {
		if (LossInput{Group: c.group}).repeats() != c.want {
			t.Errorf("%v: repeats is not %v", c.group, c.want)
		}
	}
}

// repeated is a batch of which some captions are equal, and its logits in float64.
type repeated struct {
	image, text []float32
	group       []int32
	dim         int
	scale, bias float64
}

func newRepeated(group ...int32) repeated {
	const dim = 6
	rng := rand.New(rand.NewPCG(3, uint64(len(group))))
	unit := func() []float32 {
		v, norm := make([]float32, dim), 0.0
		for i := range v {
			v[i] = float32(rng.NormFloat64())
			norm += float64(v[i]) * float64(v[i])
		}
		for i := range v {
			v[i] = float32(float64(v[i]) / math.Sqrt(norm))
		}
		return v
	}
	r := repeated{group: group, dim: dim, scale: 5, bias: -1.5}
	caption := map[int32][]float32{}
	for _, g := range group {
		if caption[g] == nil {
			caption[g] = unit()
		}
		r.image, r.text = append(r.image, unit()...), append(r.text, caption[g]...)
	}
	return r
}

func (r repeated) logit(image []float32, i, j int) float64 {
	sum := 0.0
	for k := range r.dim {
		sum += float64(image[i*r.dim+k]) * float64(r.text[j*r.dim+k])
	}
	return r.scale*sum + r.bias
}

// infonce is the loss by its definition: each row's target is shared evenly by the rows of its group, and smoothing takes e off
// them and spreads it over the others.
func (r repeated) infonce(image []float32, e float64) float64 {
	n, loss := len(r.group), 0.0
	row := func(i int, logit func(j int) float64) {
		sum, right := 0.0, 0.0
		for j := range n {
			sum += math.Exp(logit(j))
			if r.group[j] == r.group[i] {
				right++
			}
		}
		for j := range n {
			var target float64
			switch same := r.group[j] == r.group[i]; {
			case same && int(right) == n:
				target = 1 / right
			case same:
				target = (1 - e) / right
			default:
				target = e / (float64(n) - right)
			}
			loss -= target * (logit(j) - math.Log(sum)) / float64(2*n)
		}
	}
	for i := range n {
		row(i, func(j int) float64 { return r.logit(image, i, j) })
		row(i, func(j int) float64 { return r.logit(image, j, i) })
	}
	return loss
}

func (r repeated) sigmoid(image []float32) float64 {
	n, loss := len(r.group), 0.0
	for i := range n {
		for j := range n {
			y := -1.0
			if r.group[i] == r.group[j] {
				y = 1
			}
			loss += math.Log1p(math.Exp(-y*r.logit(image, i, j))) / float64(n)
		}
	}
	return loss
}

// Losses against their definitions in float64, gradients against central differences of those: step 1e-3 of float32 pictures
// leaves errors of the third order, 1e-6.
func TestEqualCaptionsShareTheTarget(t *testing.T) {
	smooth := func(e float64) Loss { return InfoNCE{losses.Smoothing{Share: e, Form: losses.Others}} }
	for _, c := range []struct {
		name  string
		group []int32
		loss  Loss
		want  func(r repeated, image []float32) float64
	}{
		{"all different", []int32{0, 1, 2, 3}, smooth(0), func(r repeated, x []float32) float64 { return r.infonce(x, 0) }},
		{"two equal", []int32{0, 1, 0, 2}, smooth(0), func(r repeated, x []float32) float64 { return r.infonce(x, 0) }},
		{"two equal, smoothed", []int32{0, 1, 0, 2, 1, 0}, smooth(0.1), func(r repeated, x []float32) float64 { return r.infonce(x, 0.1) }},
		{"all equal, smoothed", []int32{0, 0, 0}, smooth(0.1), func(r repeated, x []float32) float64 { return r.infonce(x, 0.1) }},
		{"sigmoid", []int32{0, 1, 0, 2, 1, 0}, Sigmoid{}, repeated.sigmoid},
		{"sigmoid, all different", []int32{0, 1, 2}, Sigmoid{}, repeated.sigmoid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepeated(c.group...)
			gradient := make([]float32, len(r.image))
			for i := range r.image {
				up, down := slices.Clone(r.image), slices.Clone(r.image)
				up[i] += 1e-3
				down[i] -= 1e-3
				gradient[i] = float32((c.want(r, up) - c.want(r, down)) / float64(up[i]-down[i]))
			}
			torchtest.RunGrad(t, func(s *torch.Scope) {
				n := len(r.group)
				image := torch.From(s, r.image, n, r.dim).Trainable()
				loss := c.loss.Forward(LossInput{
					Image: image, Text: torch.From(s, r.text, n, r.dim), Group: r.group,
					Scale: torch.From(s, []float32{float32(r.scale)}), Bias: torch.From(s, []float32{float32(r.bias)}),
				})
				loss.Backward()
				modeltest.Near(t, "loss", loss.Float32s(), []float32{float32(c.want(r, r.image))}, golden.Tol{Abs: 1e-6, RelMax: 1e-6})
				modeltest.Near(t, "gradient", image.Gradient(s).Float32s(), gradient, golden.Tol{Abs: 1e-5})
				torch.DropGradients([]*torch.Tensor{image})
			})
		})
	}
}

// The objective finds the equal captions by itself: the loss is that of the definition over the model's own features. Without
// smoothing, equal captions have equal features, and sharing the target between them leaves the loss what it was.
func TestDedupReachesTheLoss(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, 6, 0)
	copy(b.IDs[2*12:3*12], b.IDs[:12])
	o := &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Share: 0.2, Form: losses.Others}}}
	var with, without, want, plain, same float64
	modeltest.Grad(t, func(s *torch.Scope) {
		r := repeated{
			image: m.EncodeImages(s, b.Pixels, b.N, m.Mode()).Float32s(), text: m.EncodeTokens(s, b.IDs, b.N, m.Mode()).Float32s(),
			group: []int32{0, 1, 0, 2, 3, 4}, dim: m.Dim(), scale: m.Scale(s).Item(),
		}
		want, same = r.infonce(r.image, 0.2), r.infonce(r.image, 0)
		without = accumulate(t, s, o, b)
		o.DedupTargets = true
		with = accumulate(t, s, o, b)
		o.DedupTargets, o.Loss = false, InfoNCE{losses.Smoothing{Form: losses.Others}}
		plain = accumulate(t, s, o, b)
		torch.DropGradients(modeltest.Leaves(m.Params()))
	})
	if math.Abs(with-want) > 1e-5 || math.Abs(without-want) < 1e-3 {
		t.Errorf("loss %g, and %g without dedup, want %g", with, without, want)
	}
	if math.Abs(plain-same) > 1e-5 {
		t.Errorf("without smoothing the loss is %g, want %g", plain, same)
	}
}

func accumulate(t *testing.T, s *torch.Scope, o *Objective, b *datasets.Batch) float64 {
	t.Helper()
	parts, err := o.Accumulate(s, b)
	if err != nil {
		t.Error(err)
	}
	return parts.Loss
}

func TestTheBiasStartsFromTheBatch(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64
	}{{0, 0}, {1, 0}, {2, 0}, {64, -math.Log(63)}, {22027, -10}} {
		if got := StartBias(c.n); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d pairs: %g, want %g", c.n, got, c.want)
		}
	}
}
