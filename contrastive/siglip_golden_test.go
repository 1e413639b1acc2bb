package contrastive

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model/modeltest"
)

func contrast(x modeltest.Fixture, s *torch.Scope, mode nn.Mode) LossInput {
	return LossInput{
		Image: x.Model.Image().Forward(x.Images(s), mode).To(torch.Float32).Unit(),
		Text:  x.Model.EncodeTokens(s, x.IDs(), x.Captions(), mode),
		Scale: x.Model.Scale(s),
		Bias:  x.Model.Bias(s),
	}
}

func TestGoldenSigLIPFeatures(t *testing.T) {
	modeltest.SigLIPs(t, torch.Float32, "", func(t *testing.T, x modeltest.Fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := nn.Mode{See: func(name string, h *torch.Tensor) { checkSigLIPHidden(t, x, "vision.", name, h) }}
			image := x.Model.Image().Forward(x.Images(s), mode)
			mode.See = func(name string, h *torch.Tensor) { checkSigLIPHidden(t, x, "text.", name, h) }
			words := x.Model.Text().Forward(s, x.IDs(), x.Captions(), mode)
			modeltest.Near(t, "image_features_raw", image.Float32s(), x.Wants["image_features_raw"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "text_features_raw", words.Float32s(), x.Wants["text_features_raw"].F32, modeltest.HiddenTol())
			in := contrast(x, s, nn.Mode{})
			modeltest.Near(t, "image_features", in.Image.Float32s(), x.Wants["image_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "text_features", in.Text.Float32s(), x.Wants["text_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "logits_per_image", in.logits().Float32s(), x.Wants["logits_per_image"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "logit_scale", in.Scale.Float32s(), x.Wants["logit_scale"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "logit_bias", in.Bias.Float32s(), x.Wants["logit_bias"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "loss", Sigmoid{}.Forward(in).Float32s(), x.Wants["loss"].F32, golden.Tol{Abs: 1e-4})
		})
	})
}

// checkSigLIPHidden compares a layer's output with transformers', whose names differ.
func checkSigLIPHidden(t *testing.T, x modeltest.Fixture, tower, name string, h *torch.Tensor) {
	t.Helper()
	theirs := map[string]string{"norm": "post_layernorm", "ln_final": "final_layer_norm"}[name]
	if theirs == "" {
		theirs = strings.Replace(name, "resblocks.", "layers.", 1)
	}
	want, ok := x.Wants[tower+theirs]
	if !ok {
		t.Errorf("no fixture for %s%s", tower, theirs)
		return
	}
	if name == "ln_final" {
		want = lastRows(want)
	}
	if !slices.Equal(h.Shape(), want.Shape) {
		t.Errorf("%s%s: shape %v, want %v", tower, name, h.Shape(), want.Shape)
		return
	}
	modeltest.Near(t, tower+name, h.Float32s(), want.F32, modeltest.HiddenTol())
}

func lastRows(x golden.Tensor) golden.Tensor {
	b, l, d := x.Shape[0], x.Shape[1], x.Shape[2]
	out := golden.Tensor{Shape: []int{b, d}}
	for i := range b {
		out.F32 = append(out.F32, x.F32[((i+1)*l-1)*d:(i+1)*l*d]...)
	}
	return out
}

// open_clip's own outputs, with the activation that the config names and with exact GELU in both towers.
func TestGoldenSigLIPInOpenCLIP(t *testing.T) {
	for _, c := range []struct{ name, gelu, prefix string }{{"as configured", "", ""}, {"exact GELU", "none", "exact_gelu."}} {
		t.Run(c.name, func(t *testing.T) {
			modeltest.SigLIPs(t, torch.Float32, c.gelu, func(t *testing.T, x modeltest.Fixture) {
				want := golden.Tensors(t, filepath.Join(x.Dir, "open_clip", "outputs.safetensors"))
				torchtest.Run(t, func(s *torch.Scope) {
					in := contrast(x, s, nn.Mode{})
					modeltest.Near(t, "image_features", in.Image.Float32s(), want[c.prefix+"image_features"].F32, modeltest.FeatureTol())
					modeltest.Near(t, "text_features", in.Text.Float32s(), want[c.prefix+"text_features"].F32, modeltest.FeatureTol())
				})
			})
		})
	}
}

// In bfloat16 a rounding is 2^-9 and a tower makes some twenty in a row.
func TestGoldenSigLIPInBFloat16(t *testing.T) {
	modeltest.SigLIPs(t, torch.BFloat16, "", func(t *testing.T, x modeltest.Fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			in := contrast(x, s, x.Model.Mode())
			for name, got := range map[string]*torch.Tensor{"image_features": in.Image, "text_features": in.Text} {
				modeltest.Near(t, name, got.Float32s(), x.Wants[name].F32, golden.Tol{Abs: 2e-2})
				modeltest.Aligned(t, name, got.Float32s(), x.Wants[name])
			}
		})
	})
}

func TestGoldenSigLIPGradients(t *testing.T) {
	modeltest.SigLIPsOfTransformers(t, torch.Float32, func(t *testing.T, x modeltest.Fixture, grads map[string][]float32) {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			in := contrast(x, s, nn.Mode{})
			modeltest.Near(t, "image_features", in.Image.Float32s(), x.Wants["image_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "text_features", in.Text.Float32s(), x.Wants["text_features"].F32, modeltest.FeatureTol())
			Sigmoid{}.Forward(in).Backward()
			if len(grads) != len(x.Model.Params()) {
				t.Errorf("%d gradients for %d parameters", len(grads), len(x.Model.Params()))
			}
			for _, p := range x.Model.Params() {
				g := p.Tensor().Gradient(s)
				if g == nil {
					t.Errorf("no gradient reached %s", p.Name)
					continue
				}
				modeltest.Near(t, p.Name, g.Float32s(), grads[p.Name], modeltest.GradientTol())
			}
			torch.DropGradients(modeltest.Leaves(x.Model.Params()))
		})
	})
}

// Training in bfloat16 pulls the same way: each gradient points where float32's does.
func TestGoldenSigLIPGradientsInBFloat16(t *testing.T) {
	modeltest.SigLIPsOfTransformers(t, torch.BFloat16, func(t *testing.T, x modeltest.Fixture, grads map[string][]float32) {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			Sigmoid{}.Forward(contrast(x, s, x.Model.Mode())).Backward()
			for _, p := range x.Model.Params() {
				if c := modeltest.Cosine(p.Tensor().Gradient(s).Float32s(), grads[p.Name]); c < 0.99 {
					t.Errorf("%s: cosine %.4f", p.Name, c)
				}
			}
			torch.DropGradients(modeltest.Leaves(x.Model.Params()))
		})
	})
}
