package contrastive

import (
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

func TestGoldenLossAndGradients(t *testing.T) {
	modeltest.PlainCLIPs(t, torch.Float32, func(t *testing.T, x modeltest.Fixture) {
		want := golden.Tensors(t, filepath.Join(x.Dir, "grads.safetensors"))
		modeltest.Grad(t, func(s *torch.Scope) {
			loss := lossOfFixture(x, s, nn.Mode{})
			modeltest.Near(t, "loss", loss.Float32s(), x.Wants["loss"].F32, modeltest.LossTol())
			loss.Backward()
			if len(want) != len(x.Model.Params()) {
				t.Errorf("%d gradients for %d parameters", len(want), len(x.Model.Params()))
			}
			for _, p := range x.Model.Params() {
				g := p.Tensor().Gradient(s)
				if g == nil {
					t.Errorf("no gradient reached %s", p.Name)
					continue
				}
				modeltest.Near(t, p.Name, g.Float32s(), want[p.Name].F32, modeltest.GradientTol())
			}
			torch.DropGradients(modeltest.Leaves(x.Model.Params()))
		})
	})
}

func lossOfFixture(x modeltest.Fixture, s *torch.Scope, mode nn.Mode) *torch.Tensor {
	return InfoNCE{Smoothing: losses.Smoothing{Form: losses.Classes}}.Forward(LossInput{
		Image: x.Model.Image().Forward(x.Images(s), mode).To(torch.Float32).Unit(),
		Text:  x.Model.EncodeTokens(s, x.IDs(), x.Captions(), mode),
		Scale: x.Model.Scale(s),
	})
}

// Training in bfloat16 pulls the same way: each gradient of more than a few values points where float32's does.
func TestGoldenGradientsInBFloat16(t *testing.T) {
	modeltest.PlainCLIPs(t, torch.BFloat16, func(t *testing.T, x modeltest.Fixture) {
		want := golden.Tensors(t, filepath.Join(x.Dir, "grads.safetensors"))
		modeltest.Grad(t, func(s *torch.Scope) {
			lossOfFixture(x, s, x.Model.Mode()).Backward()
			for _, p := range x.Model.Params() {
				g := p.Tensor().Gradient(s)
				if g.DType() != torch.Float32 {
					t.Errorf("%s: the gradient is of type %d", p.Name, g.DType())
				}
				if c := modeltest.Cosine(g.Float32s(), want[p.Name].F32); c < 0.99 {
					t.Errorf("%s: cosine %.4f", p.Name, c)
				}
			}
			torch.DropGradients(modeltest.Leaves(x.Model.Params()))
		})
	})
}
