package model_test

import (
	"slices"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model/modeltest"
)

func TestGoldenFeatures(t *testing.T) {
	modeltest.PlainCLIPs(t, torch.Float32, func(t *testing.T, x modeltest.Fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := nn.Mode{See: func(name string, h *torch.Tensor) { checkHidden(t, x, "visual."+name, h) }}
			image := x.Model.Image().Forward(x.Images(s), mode)
			mode.See = func(name string, h *torch.Tensor) { checkHidden(t, x, "text."+name, h) }
			words := x.Model.Text().Forward(s, x.IDs(), x.Captions(), mode)
			modeltest.Near(t, "image_features_raw", image.Float32s(), x.Wants["image_features_raw"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "text_features_raw", words.Float32s(), x.Wants["text_features_raw"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "image_features", image.Unit().Float32s(), x.Wants["image_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "text_features", words.Unit().Float32s(), x.Wants["text_features"].F32, modeltest.FeatureTol())
			scale := x.Model.Scale(s)
			modeltest.Near(t, "logit_scale", scale.Float32s(), x.Wants["logit_scale"].F32, modeltest.HiddenTol())
			logits := image.Unit().Mul(scale).Matmul(words.Unit().Transpose(0, 1))
			modeltest.Near(t, "logits_per_image", logits.Float32s(), x.Wants["logits_per_image"].F32, modeltest.HiddenTol())
		})
	})
}

// checkHidden compares a layer's output. Where the fixture norms all tokens and ours only the one that is read, that
// one is compared.
func checkHidden(t *testing.T, x modeltest.Fixture, name string, h *torch.Tensor) {
	t.Helper()
	want, ok := x.Wants[name]
	if !ok {
		t.Errorf("no fixture for %s", name)
		return
	}
	switch name {
	case "visual.ln_post":
		want = pooled(want, x.Model.Config.Vision.PoolType)
	case "text.ln_final":
		want = rowsOf(want, x.Inputs["tokens"].I64)
	}
	if !slices.Equal(h.Shape(), want.Shape) {
		t.Errorf("%s: shape %v, want %v", name, h.Shape(), want.Shape)
		return
	}
	modeltest.Near(t, name, h.Float32s(), want.F32, modeltest.HiddenTol())
}

func pooled(x golden.Tensor, how string) golden.Tensor {
	b, l, d := x.Shape[0], x.Shape[1], x.Shape[2]
	out := golden.Tensor{Shape: []int{b, d}, F32: make([]float32, b*d)}
	for i := range b {
		for j := range d {
			if how == "tok" {
				out.F32[i*d+j] = x.F32[i*l*d+j]
				continue
			}
			var sum float64
			for k := 1; k < l; k++ {
				sum += float64(x.F32[(i*l+k)*d+j])
			}
			out.F32[i*d+j] = float32(sum / float64(l-1))
		}
	}
	return out
}

func rowsOf(x golden.Tensor, ids []int64) golden.Tensor {
	b, l, d := x.Shape[0], x.Shape[1], x.Shape[2]
	out := golden.Tensor{Shape: []int{b, d}}
	for i := range b {
		caption := ids[i*l : (i+1)*l]
		end := slices.Index(caption, slices.Max(caption))
		out.F32 = append(out.F32, x.F32[(i*l+end)*d:(i*l+end+1)*d]...)
	}
	return out
}

// In bfloat16 a rounding is 2^-9 and a tower makes some twenty in a row.
func TestGoldenFeaturesInBFloat16(t *testing.T) {
	modeltest.PlainCLIPs(t, torch.BFloat16, func(t *testing.T, x modeltest.Fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := x.Model.Mode()
			image := x.Model.Image().Forward(x.Images(s), mode).To(torch.Float32).Unit().Float32s()
			words := x.Model.EncodeTokens(s, x.IDs(), x.Captions(), mode).Float32s()
			modeltest.Near(t, "image_features", image, x.Wants["image_features"].F32, golden.Tol{Abs: 2e-2})
			modeltest.Near(t, "text_features", words, x.Wants["text_features"].F32, golden.Tol{Abs: 2e-2})
			modeltest.Aligned(t, "image_features", image, x.Wants["image_features"])
			modeltest.Aligned(t, "text_features", words, x.Wants["text_features"])
		})
	})
}
