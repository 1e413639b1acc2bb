package captioning

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/contrastive"
	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

// fixture is a golden model with its inputs and outputs.
type fixture struct {
	modeltest.Fixture
	Captioner
}

func fixtures(t *testing.T, f func(t *testing.T, x fixture)) {
	root := golden.Dir(t, "model")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "coca-") {
			t.Run(e.Name(), func(t *testing.T) { f(t, loadFixture(t, filepath.Join(root, e.Name()))) })
		}
	}
}

func loadFixture(t *testing.T, dir string) fixture {
	t.Helper()
	x := modeltest.NewFixture(t, dir, modeltest.LoadFixture(t, dir, torch.Float32))
	c, err := Of(x.Model)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{x, c}
}

// ids are the captions, n of l ids each.
func (x fixture) ids() (ids []int32, n, l int) {
	in := x.Inputs["tokens"]
	return x.IDs(), in.Shape[0], in.Shape[1]
}

func TestGoldenFeaturesTokensAndLogits(t *testing.T) {
	fixtures(t, func(t *testing.T, x fixture) {
		for name := range x.Wants {
			t.Log(name, x.Wants[name].Shape)
		}
		torchtest.Run(t, func(s *torch.Scope) {
			ids, n, _ := x.ids()
			picture := x.ReadImages(x.Images(s), nn.Mode{})
			words := x.EncodeTextTokens(s, ids, n, nn.Mode{})
			modeltest.Near(t, "image_features", picture.Features.Float32s(), x.Wants["image_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "text_features", words.Features.Float32s(), x.Wants["text_features"].F32, modeltest.FeatureTol())
			modeltest.Near(t, "image_tokens", picture.Tokens.Float32s(), x.Wants["image_tokens"].F32, modeltest.HiddenTol())
			modeltest.Near(t, "text_tokens", words.Tokens.Float32s(), x.Wants["text_tokens"].F32, modeltest.HiddenTol())
			logits := x.Decoder().Logits(x.Hidden(words.Tokens, picture.Tokens, nn.Mode{}))
			modeltest.Near(t, "logits", logits.Float32s(), x.Wants["logits"].F32, modeltest.HiddenTol())
		})
	})
}

func TestGoldenLossesAndGradients(t *testing.T) {
	fixtures(t, func(t *testing.T, x fixture) {
		want := golden.Tensors(t, filepath.Join(x.Dir, "grads.safetensors"))
		torchtest.RunGrad(t, func(s *torch.Scope) {
			ids, n, _ := x.ids()
			picture, words := x.ReadImages(x.Images(s), nn.Mode{}), x.EncodeTextTokens(s, ids, n, nn.Mode{})
			contrast := contrastive.InfoNCE{}.Forward(contrastive.LossInput{Image: picture.Features, Text: words.Features,
				Scale: x.Scale(s)})
			caption := x.Loss(x.Hidden(words.Tokens, picture.Tokens, nn.Mode{}), ids, losses.CrossEntropy{}).Scale(2)
			modeltest.Near(t, "contrastive_loss", contrast.Float32s(), x.Wants["contrastive_loss"].F32, modeltest.LossTol())
			modeltest.Near(t, "caption_loss", caption.Float32s(), x.Wants["caption_loss"].F32, modeltest.LossTol())
			total := contrast.Add(caption)
			modeltest.Near(t, "total_loss", total.Float32s(), x.Wants["total_loss"].F32, modeltest.LossTol())
			total.Backward()
			if len(want) != len(x.Params()) {
				t.Errorf("%d gradients for %d parameters", len(want), len(x.Params()))
			}
			for _, p := range x.Params() {
				g := p.Tensor().Gradient(s)
				if g == nil {
					t.Errorf("no gradient reached %s", p.Name)
					continue
				}
				golden.Close(t, p.Name, g.Float32s(), want[p.Name].F32, modeltest.GradientTol())
			}
			torch.DropGradients(modeltest.Leaves(x.Params()))
		})
	})
}
