package contrastive

import (
	"encoding/binary"
	"encoding/json"
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
	"clipgo/model"
)

// siglips runs f for every folder of golden/model that holds a SigLIP model in open_clip's layout, with the activation
// given by name in both towers (none: as the fixture says).
func siglips(t *testing.T, dtype torch.DType, gelu string, f func(t *testing.T, x fixture)) {
	root := golden.Dir(t, "model")
	dirs, err := filepath.Glob(filepath.Join(root, "siglip-*"))
	if err != nil || len(dirs) == 0 {
		t.Skipf("no fixtures of SigLIP: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			torchtest.Need(t)
			c := siglipConfig(t, filepath.Join(dir, "open_clip"), gelu)
			m, err := Load(t.Context(), c, opened(t, filepath.Join(dir, "open_clip", "model.safetensors")), model.Placement{Device: torch.CPU, DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.Free)
			f(t, fixture{dir, warm(t, m), golden.Tensors(t, filepath.Join(dir, "inputs.safetensors")), golden.Tensors(t, filepath.Join(dir, "outputs.safetensors"))})
		})
	}
}

// siglipConfig is a fixture's config.json, with the sizes that timm has under no name of its own from timm_args.json.
func siglipConfig(t *testing.T, dir, gelu string) model.Config {
	t.Helper()
	var args struct {
		Patch int     `json:"patch_size"`
		Width int     `json:"embed_dim"`
		Depth int     `json:"depth"`
		Heads int     `json:"num_heads"`
		Ratio float64 `json:"mlp_ratio"`
		Act   string  `json:"act_layer"`
	}
	readJSON(t, filepath.Join(dir, "timm_args.json"), &args)
	var c map[string]any
	readJSON(t, filepath.Join(dir, "config.json"), &c)
	v := c["vision_cfg"].(map[string]any)
	v["patch_size"], v["width"], v["layers"], v["head_width"], v["mlp_ratio"] = args.Patch, args.Width, args.Depth, args.Width/args.Heads, args.Ratio
	if args.Act == "gelu_tanh" {
		v["act_kwargs"] = map[string]any{"approximate": "tanh"}
	}
	if gelu != "" {
		v["act_kwargs"] = map[string]any{"approximate": gelu}
		c["text_cfg"].(map[string]any)["act_kwargs"] = map[string]any{"approximate": gelu}
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out, err := model.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func (x fixture) contrast(s *torch.Scope, mode nn.Mode) Contrast {
	return Contrast{
		Image: x.model.image.Forward(x.images(s), mode).To(torch.Float32).Unit(),
		Text:  x.model.EncodeTokens(s, x.ids(), x.inputs["tokens"].Shape[0], mode),
		Scale: x.model.Scale(s),
		Bias:  x.model.Bias(s),
	}
}

func TestGoldenSigLIPFeatures(t *testing.T) {
	siglips(t, torch.Float32, "", func(t *testing.T, x fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			mode := nn.Mode{See: func(name string, h *torch.Tensor) { x.checkSigLIPHidden(t, "vision.", name, h) }}
			image := x.model.image.Forward(x.images(s), mode)
			mode.See = func(name string, h *torch.Tensor) { x.checkSigLIPHidden(t, "text.", name, h) }
			words := x.model.text.Forward(s, x.ids(), x.inputs["tokens"].Shape[0], mode)
			near(t, "image_features_raw", image.Float32s(), x.wants["image_features_raw"].F32, hiddenTol)
			near(t, "text_features_raw", words.Float32s(), x.wants["text_features_raw"].F32, hiddenTol)
			in := x.contrast(s, nn.Mode{})
			near(t, "image_features", in.Image.Float32s(), x.wants["image_features"].F32, featureTol)
			near(t, "text_features", in.Text.Float32s(), x.wants["text_features"].F32, featureTol)
			near(t, "logits_per_image", in.logits().Float32s(), x.wants["logits_per_image"].F32, hiddenTol)
			near(t, "logit_scale", in.Scale.Float32s(), x.wants["logit_scale"].F32, hiddenTol)
			near(t, "logit_bias", in.Bias.Float32s(), x.wants["logit_bias"].F32, hiddenTol)
			near(t, "loss", Sigmoid{}.Forward(in).Float32s(), x.wants["loss"].F32, golden.Tol{Abs: 1e-4})
		})
	})
}

// checkSigLIPHidden compares a layer's output with transformers', whose names differ.
func (x fixture) checkSigLIPHidden(t *testing.T, tower, name string, h *torch.Tensor) {
	t.Helper()
	theirs := map[string]string{"norm": "post_layernorm", "ln_final": "final_layer_norm"}[name]
	if theirs == "" {
		theirs = strings.Replace(name, "resblocks.", "layers.", 1)
	}
	want, ok := x.wants[tower+theirs]
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
	near(t, tower+name, h.Float32s(), want.F32, hiddenTol)
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
			siglips(t, torch.Float32, c.gelu, func(t *testing.T, x fixture) {
				want := golden.Tensors(t, filepath.Join(x.dir, "open_clip", "outputs.safetensors"))
				torchtest.Run(t, func(s *torch.Scope) {
					in := x.contrast(s, nn.Mode{})
					near(t, "image_features", in.Image.Float32s(), want[c.prefix+"image_features"].F32, featureTol)
					near(t, "text_features", in.Text.Float32s(), want[c.prefix+"text_features"].F32, featureTol)
				})
			})
		})
	}
}

// In bfloat16 a rounding is 2^-9 and a tower makes some twenty in a row.
func TestGoldenSigLIPInBFloat16(t *testing.T) {
	siglips(t, torch.BFloat16, "", func(t *testing.T, x fixture) {
		torchtest.Run(t, func(s *torch.Scope) {
			in := x.contrast(s, x.model.mode())
			for name, got := range map[string]*torch.Tensor{"image_features": in.Image, "text_features": in.Text} {
				near(t, name, got.Float32s(), x.wants[name].F32, golden.Tol{Abs: 2e-2})
				aligned(t, name, got.Float32s(), x.wants[name])
			}
		})
	})
}

// siglipsOfTransformers runs f for the same models read from transformers' folders, with transformers' gradients under
// open_clip's names.
func siglipsOfTransformers(t *testing.T, dtype torch.DType, f func(t *testing.T, x fixture, grads map[string][]float32)) {
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "model"), "siglip-*"))
	if err != nil || len(dirs) == 0 {
		t.Skipf("no fixtures of SigLIP: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			torchtest.Need(t)
			w := opened(t, dir)
			c, err := model.ParseConfig(w.Model)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Load(t.Context(), c, w, model.Placement{Device: torch.CPU, DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(warm(t, m).Free)
			grads := map[string][]float32{}
			g := opened(t, filepath.Join(dir, "grads.safetensors")) // laid out as the weights are
			for _, name := range g.Names() {
				x, _ := g.Tensor(name)
				grads[name] = floats(x.Data)
			}
			f(t, fixture{dir, m, golden.Tensors(t, filepath.Join(dir, "inputs.safetensors")), golden.Tensors(t, filepath.Join(dir, "outputs.safetensors"))}, grads)
		})
	}
}

func floats(data []byte) []float32 {
	var out []float32
	for ; len(data) > 0; data = data[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return out
}

func TestGoldenSigLIPGradients(t *testing.T) {
	siglipsOfTransformers(t, torch.Float32, func(t *testing.T, x fixture, grads map[string][]float32) {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			in := x.contrast(s, nn.Mode{})
			near(t, "image_features", in.Image.Float32s(), x.wants["image_features"].F32, featureTol)
			near(t, "text_features", in.Text.Float32s(), x.wants["text_features"].F32, featureTol)
			Sigmoid{}.Forward(in).Backward()
			if len(grads) != len(x.model.Params()) {
				t.Errorf("%d gradients for %d parameters", len(grads), len(x.model.Params()))
			}
			for _, p := range x.model.Params() {
				g := p.Tensor().Gradient(s)
				if g == nil {
					t.Errorf("no gradient reached %s", p.Name)
					continue
				}
				near(t, p.Name, g.Float32s(), grads[p.Name], gradientTol)
			}
			torch.DropGradients(x.model.params.Tensors())
		})
	})
}

// Training in bfloat16 pulls the same way: each gradient points where float32's does.
func TestGoldenSigLIPGradientsInBFloat16(t *testing.T) {
	siglipsOfTransformers(t, torch.BFloat16, func(t *testing.T, x fixture, grads map[string][]float32) {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			Sigmoid{}.Forward(x.contrast(s, x.model.mode())).Backward()
			for _, p := range x.model.Params() {
				if c := cosine(p.Tensor().Gradient(s).Float32s(), grads[p.Name]); c < 0.99 {
					t.Errorf("%s: cosine %.4f", p.Name, c)
				}
			}
			torch.DropGradients(x.model.params.Tensors())
		})
	})
}
