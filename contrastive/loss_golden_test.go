package contrastive

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

type lossCase struct {
	Case      string  `json:"case"`
	Features  string  `json:"features"`
	N         int     `json:"n"`
	D         int     `json:"d"`
	Kind      string  `json:"kind"`
	Scale     float64 `json:"scale"`
	LogScale  float64 `json:"log_scale"`
	Loss      float64 `json:"loss"`
	DLogScale float64 `json:"d_log_scale"`
	Bias      float64 `json:"bias"`
	DBias     float64 `json:"d_bias"`
}

// tolerances are those of golden/loss's README: at scale 100 logits carry 1e-5 of rounding, and on aligned pairs loss
// and gradients are as small as that rounding.
func (c lossCase) tolerances() (loss, gradient golden.Tol) {
	loss, gradient = golden.Tol{Abs: 1e-6, RelMax: 1e-5}, golden.Tol{Abs: 1e-7, RelMax: 1e-5}
	if c.Scale >= 100 {
		loss, gradient = golden.Tol{Abs: 1e-5, RelMax: 1e-5}, golden.Tol{Abs: 1e-6, RelMax: 2e-4}
	}
	return loss, gradient
}

func TestGoldenContrastiveLosses(t *testing.T) {
	dir := golden.Dir(t, "loss")
	arrays := golden.Tensors(t, filepath.Join(dir, "contrastive.safetensors"))
	for _, c := range golden.Lines[lossCase](t, filepath.Join(dir, "contrastive.jsonl")) {
		t.Run(c.Case, func(t *testing.T) {
			loss, ok := lossOf(c.Kind)
			if !ok {
				t.Skipf("%s: clipgo has no such loss yet", c.Kind)
			}
			lossTol, gradientTol := c.tolerances()
			torchtest.RunGrad(t, func(s *torch.Scope) {
				features := func(side string) *torch.Tensor {
					x := arrays[c.Features+"."+side]
					return torch.From(s, x.F32, x.Shape...).Trainable()
				}
				image, text := features("image"), features("text")
				logScale := torch.From(s, []float32{float32(c.LogScale)}).Trainable()
				bias := torch.From(s, []float32{float32(c.Bias)}).Trainable() // 0 where the loss has none
				l := loss.Forward(LossInput{Image: image, Text: text, Scale: logScale.Exp(), Bias: bias})
				l.Backward()
				modeltest.Near(t, "loss", l.Float32s(), []float32{float32(c.Loss)}, lossTol)
				modeltest.Near(t, "d_image", image.Gradient(s).Float32s(), arrays[c.Case+".d_image"].F32, gradientTol)
				modeltest.Near(t, "d_text", text.Gradient(s).Float32s(), arrays[c.Case+".d_text"].F32, gradientTol)
				modeltest.Near(t, "d_log_scale", logScale.Gradient(s).Float32s(), []float32{float32(c.DLogScale)}, scaleTol(c, gradientTol))
				modeltest.Near(t, "d_bias", bias.Gradient(s).Float32s(), []float32{float32(c.DBias)}, scaleTol(c, gradientTol))
				torch.DropGradients([]*torch.Tensor{image, text, logScale, bias})
			})
		})
	}
}

// scaleTol allows for cancellation: the gradient to log_scale is a sum over n*n logits as large as the scale.
func scaleTol(c lossCase, gradient golden.Tol) golden.Tol {
	gradient.Abs += 2e-7 * c.Scale
	return gradient
}

func lossOf(kind string) (Loss, bool) {
	switch {
	case kind == "infonce":
		return InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}, true
	case strings.HasPrefix(kind, "infonce_smooth0.1"):
		return InfoNCE{Smoothing: losses.Smoothing{Share: 0.1, Form: losses.Classes}}, true
	case kind == "siglip":
		return Sigmoid{}, true
	default:
		return nil, false
	}
}

// With K classes, e over the wrong ones is e K/(K-1) over all.
func TestSmoothingFormsConvert(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		in := LossInput{
			Image: torch.From(s, []float32{1, 0, 0.6, 0.8, 0, 1}, 3, 2), Text: torch.From(s, []float32{0.8, 0.6, 0, 1, 1, 0}, 3, 2),
			Scale: torch.From(s, []float32{5}),
		}
		others := InfoNCE{Smoothing: losses.Smoothing{Share: 0.2, Form: losses.Others}}.Forward(in)
		classes := InfoNCE{Smoothing: losses.Smoothing{Share: 0.3, Form: losses.Classes}}.Forward(in)
		modeltest.Near(t, "loss", others.Float32s(), classes.Float32s(), golden.Tol{Abs: 1e-6})
		want := smoothByDefinition(in, 0.2)
		modeltest.Near(t, "by definition", others.Float32s(), []float32{want}, golden.Tol{Abs: 1e-6})
		alone := LossInput{Image: in.Image.Narrow(0, 0, 1), Text: in.Text.Narrow(0, 0, 1), Scale: in.Scale}
		modeltest.Near(t, "one pair", InfoNCE{Smoothing: losses.Smoothing{Share: 0.2, Form: losses.Others}}.Forward(alone).Float32s(),
			[]float32{0}, golden.Tol{Abs: 1e-6})
	})
}

// smoothByDefinition is the mean over rows and columns of the cross-entropy to 1-e on the pair, e/(K-1) elsewhere.
func smoothByDefinition(in LossInput, e float64) float32 {
	image, text, scale := in.Image.Float64s(), in.Text.Float64s(), in.Scale.Item()
	n, d := in.Image.Shape()[0], in.Image.Shape()[1]
	logit := func(i, j int) float64 {
		var dot float64
		for k := range d {
			dot += image[i*d+k] * text[j*d+k]
		}
		return scale * dot
	}
	entropy := func(row func(k int) float64, match int) float64 {
		var sum, loss float64
		for k := range n {
			sum += math.Exp(row(k))
		}
		for k := range n {
			share := e / float64(n-1)
			if k == match {
				share = 1 - e
			}
			loss -= share * (row(k) - math.Log(sum))
		}
		return loss
	}
	var total float64
	for i := range n {
		total += entropy(func(k int) float64 { return logit(i, k) }, i) + entropy(func(k int) float64 { return logit(k, i) }, i)
	}
	return float32(total / float64(2*n))
}

func TestInfoNCEValidates(t *testing.T) {
	for _, c := range []struct {
		loss InfoNCE
		want string
	}{
		{InfoNCE{Smoothing: losses.Smoothing{Share: 1, Form: losses.Others}}, "label_smoothing: 1"},
		{InfoNCE{Smoothing: losses.Smoothing{Share: -0.1, Form: losses.Others}}, "label_smoothing: -0.1"},
		{InfoNCE{}, "label_smoothing_form"},
	} {
		if err := c.loss.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.loss, err)
		}
	}
	if err := (InfoNCE{Smoothing: losses.Smoothing{Share: 0.1, Form: losses.Classes}}).Validate(); err != nil {
		t.Error(err)
	}
}
