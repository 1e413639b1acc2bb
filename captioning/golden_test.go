package captioning

import (
	"math"
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
	"clipgo/model"
	"clipgo/weights"
)

// Tolerances of golden/model/coca-tiny's README.
var (
	featureTol  = golden.Tol{Abs: 2e-6}
	hiddenTol   = golden.Tol{Abs: 2e-5}
	lossTol     = golden.Tol{Abs: 1e-5}
	gradientTol = golden.Tol{RelMax: 2e-4}
)

// fixture is a golden model with its inputs and outputs.
type fixture struct {
	Captioner
	dir           string
	inputs, wants map[string]golden.Tensor
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
	torchtest.Need(t)
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := model.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	w, err := weights.Open(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m, err := model.Load(t.Context(), config, w, model.On())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	c, err := Of(m)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{c, dir, golden.Tensors(t, filepath.Join(dir, "inputs.safetensors")), golden.Tensors(t, filepath.Join(dir, "outputs.safetensors"))}
}

func (x fixture) images(s *torch.Scope) *torch.Tensor {
	in := x.inputs["images"]
	return torch.From(s, in.F32, in.Shape...)
}

// ids are the captions, n of l ids each.
func (x fixture) ids() (ids []int32, n, l int) {
	in := x.inputs["tokens"]
	for _, id := range in.I64 {
		ids = append(ids, int32(id))
	}
	return ids, in.Shape[0], in.Shape[1]
}

// near is golden.Close, and notes how far off the worst value is.
func near(t *testing.T, name string, got, want []float32, tol golden.Tol) {
	t.Helper()
	var worst, largest float64
	for i := range min(len(got), len(want)) {
		worst, largest = max(worst, math.Abs(float64(got[i])-float64(want[i]))), max(largest, math.Abs(float64(want[i])))
	}
	t.Logf("%s: off by %.2g, of %.2g", name, worst, largest)
	golden.Close(t, name, got, want, tol)
}

func TestGoldenFeaturesTokensAndLogits(t *testing.T) {
	fixtures(t, func(t *testing.T, x fixture) {
		for name := range x.wants {
			t.Log(name, x.wants[name].Shape)
		}
		torchtest.Run(t, func(s *torch.Scope) {
			ids, n, _ := x.ids()
			picture := x.ReadImages(x.images(s), nn.Mode{})
			words := x.EncodeTextTokens(s, ids, n, nn.Mode{})
			near(t, "image_features", picture.Features.Float32s(), x.wants["image_features"].F32, featureTol)
			near(t, "text_features", words.Features.Float32s(), x.wants["text_features"].F32, featureTol)
			near(t, "image_tokens", picture.Tokens.Float32s(), x.wants["image_tokens"].F32, hiddenTol)
			near(t, "text_tokens", words.Tokens.Float32s(), x.wants["text_tokens"].F32, hiddenTol)
			logits := x.Decoder().Logits(x.Hidden(words.Tokens, picture.Tokens, nn.Mode{}))
			near(t, "logits", logits.Float32s(), x.wants["logits"].F32, hiddenTol)
		})
	})
}

func TestGoldenLossesAndGradients(t *testing.T) {
	fixtures(t, func(t *testing.T, x fixture) {
		want := golden.Tensors(t, filepath.Join(x.dir, "grads.safetensors"))
		torchtest.RunGrad(t, func(s *torch.Scope) {
			ids, n, _ := x.ids()
			picture, words := x.ReadImages(x.images(s), nn.Mode{}), x.EncodeTextTokens(s, ids, n, nn.Mode{})
			contrast := contrastive.InfoNCE{}.Forward(contrastive.Contrast{Image: picture.Features, Text: words.Features, Scale: x.Scale(s)})
			caption := x.Loss(x.Hidden(words.Tokens, picture.Tokens, nn.Mode{}), ids, losses.CrossEntropy{}).Scale(2)
			near(t, "contrastive_loss", contrast.Float32s(), x.wants["contrastive_loss"].F32, lossTol)
			near(t, "caption_loss", caption.Float32s(), x.wants["caption_loss"].F32, lossTol)
			total := contrast.Add(caption)
			near(t, "total_loss", total.Float32s(), x.wants["total_loss"].F32, lossTol)
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
				golden.Close(t, p.Name, g.Float32s(), want[p.Name].F32, gradientTol)
			}
			var leaves []*torch.Tensor
			for _, p := range x.Params() {
				leaves = append(leaves, p.Tensor())
			}
			torch.DropGradients(leaves)
		})
	})
}
