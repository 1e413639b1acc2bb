package model

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/weights"
)

// fixture is a golden model with its inputs.
type fixture struct {
	dir           string
	model         *Model
	inputs, wants map[string]golden.Tensor
}

// plainCLIPs runs f for every folder of golden/model that holds one.
func plainCLIPs(t *testing.T, dtype torch.DType, f func(t *testing.T, x fixture)) {
	root := golden.Dir(t, "model")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "clip-") {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			m := loadFixture(t, dir, dtype)
			f(t, fixture{dir, m, golden.Tensors(t, filepath.Join(dir, "inputs.safetensors")), golden.Tensors(t, filepath.Join(dir, "outputs.safetensors"))})
		})
	}
}

func loadFixture(t *testing.T, dir string, dtype torch.DType) *Model {
	t.Helper()
	torchtest.Need(t)
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(t.Context(), c, opened(t, filepath.Join(dir, "model.safetensors")), Placement{Device: torch.CPU, DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return warm(t, m)
}

// opened is a file or folder of weights, open for the length of the test.
func opened(t *testing.T, path string) *weights.Checkpoint {
	t.Helper()
	w, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// grad runs f where gradients are recorded.
func grad(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	torchtest.RunGrad(t, f)
}

func (x fixture) images(s *torch.Scope) *torch.Tensor {
	in := x.inputs["images"]
	return torch.From(s, in.F32, in.Shape...)
}

func (x fixture) ids() []int32 { return narrow(x.inputs["tokens"].I64) }

func narrow(ids []int64) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = int32(id)
	}
	return out
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

// Tolerances of golden/model's README.
var (
	featureTol  = golden.Tol{Abs: 2e-6}
	hiddenTol   = golden.Tol{Abs: 2e-5}
	lossTol     = golden.Tol{Abs: 1e-5}
	gradientTol = golden.Tol{RelMax: 2e-4}
)

func TestGoldenFeatures(t *testing.T) {
	plainCLIPs(t, torch.Float32, func(t *testing.T, x fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := nn.Mode{See: func(name string, h *torch.Tensor) { x.checkHidden(t, "visual."+name, h) }}
			image := x.model.image.Forward(x.images(s), mode)
			mode.See = func(name string, h *torch.Tensor) { x.checkHidden(t, "text."+name, h) }
			words := x.model.text.Forward(s, x.ids(), x.inputs["tokens"].Shape[0], mode)
			near(t, "image_features_raw", image.Float32s(), x.wants["image_features_raw"].F32, hiddenTol)
			near(t, "text_features_raw", words.Float32s(), x.wants["text_features_raw"].F32, hiddenTol)
			near(t, "image_features", image.Unit().Float32s(), x.wants["image_features"].F32, featureTol)
			near(t, "text_features", words.Unit().Float32s(), x.wants["text_features"].F32, featureTol)
			scale := x.model.Scale(s)
			near(t, "logit_scale", scale.Float32s(), x.wants["logit_scale"].F32, hiddenTol)
			logits := image.Unit().Mul(scale).Matmul(words.Unit().Transpose(0, 1))
			near(t, "logits_per_image", logits.Float32s(), x.wants["logits_per_image"].F32, hiddenTol)
		})
	})
}

// checkHidden compares a layer's output. Where the fixture norms all tokens and ours only the one that is read, that
// one is compared.
func (x fixture) checkHidden(t *testing.T, name string, h *torch.Tensor) {
	t.Helper()
	want, ok := x.wants[name]
	if !ok {
		t.Errorf("no fixture for %s", name)
		return
	}
	switch name {
	case "visual.ln_post":
		want = pooled(want, x.model.Config.Vision.PoolType)
	case "text.ln_final":
		want = rowsOf(want, x.inputs["tokens"].I64)
	}
	if !slices.Equal(h.Shape(), want.Shape) {
		t.Errorf("%s: shape %v, want %v", name, h.Shape(), want.Shape)
		return
	}
	near(t, name, h.Float32s(), want.F32, hiddenTol)
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

func TestGoldenLossAndGradients(t *testing.T) {
	plainCLIPs(t, torch.Float32, func(t *testing.T, x fixture) {
		want := golden.Tensors(t, filepath.Join(x.dir, "grads.safetensors"))
		grad(t, func(s *torch.Scope) {
			loss := x.loss(s, nn.Mode{})
			near(t, "loss", loss.Float32s(), x.wants["loss"].F32, lossTol)
			loss.Backward()
			if len(want) != len(x.model.Params()) {
				t.Errorf("%d gradients for %d parameters", len(want), len(x.model.Params()))
			}
			for _, p := range x.model.Params() {
				g := p.Tensor().Gradient(s)
				if g == nil {
					t.Errorf("no gradient reached %s", p.Name)
					continue
				}
				near(t, p.Name, g.Float32s(), want[p.Name].F32, gradientTol)
			}
			torch.DropGradients(x.model.params.Tensors())
		})
	})
}

func (x fixture) loss(s *torch.Scope, mode nn.Mode) *torch.Tensor {
	return InfoNCE{Smoothing: losses.Smoothing{Form: losses.Classes}}.Forward(Contrast{
		Image: x.model.image.Forward(x.images(s), mode).To(torch.Float32).Unit(),
		Text:  x.model.EncodeTokens(s, x.ids(), x.inputs["tokens"].Shape[0], mode),
		Scale: x.model.Scale(s),
	})
}

// In bfloat16 a rounding is 2^-9 and a tower makes some twenty in a row.
func TestGoldenFeaturesInBFloat16(t *testing.T) {
	plainCLIPs(t, torch.BFloat16, func(t *testing.T, x fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := x.model.mode()
			image := x.model.image.Forward(x.images(s), mode).To(torch.Float32).Unit().Float32s()
			words := x.model.EncodeTokens(s, x.ids(), x.inputs["tokens"].Shape[0], mode).Float32s()
			near(t, "image_features", image, x.wants["image_features"].F32, golden.Tol{Abs: 2e-2})
			near(t, "text_features", words, x.wants["text_features"].F32, golden.Tol{Abs: 2e-2})
			aligned(t, "image_features", image, x.wants["image_features"])
			aligned(t, "text_features", words, x.wants["text_features"])
		})
	})
}

// Training in bfloat16 pulls the same way: each gradient of more than a few values points where float32's does.
func TestGoldenGradientsInBFloat16(t *testing.T) {
	plainCLIPs(t, torch.BFloat16, func(t *testing.T, x fixture) {
		want := golden.Tensors(t, filepath.Join(x.dir, "grads.safetensors"))
		grad(t, func(s *torch.Scope) {
			x.loss(s, x.model.mode()).Backward()
			for _, p := range x.model.Params() {
				g := p.Tensor().Gradient(s)
				if g.DType() != torch.Float32 {
					t.Errorf("%s: the gradient is of type %d", p.Name, g.DType())
				}
				if c := cosine(g.Float32s(), want[p.Name].F32); c < 0.99 {
					t.Errorf("%s: cosine %.4f", p.Name, c)
				}
			}
			torch.DropGradients(x.model.params.Tensors())
		})
	})
}

func aligned(t *testing.T, name string, got []float32, want golden.Tensor) {
	t.Helper()
	d := want.Shape[1]
	for i := range want.Shape[0] {
		if c := cosine(got[i*d:(i+1)*d], want.F32[i*d:(i+1)*d]); c < 0.999 {
			t.Errorf("%s: row %d has cosine %.5f", name, i, c)
		}
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}
