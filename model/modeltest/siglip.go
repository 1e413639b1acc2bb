package modeltest

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/model"
)

// SigLIPs runs f for every folder of golden/model that holds a SigLIP model in open_clip's layout, with the activation
// given by name in both towers (none: as the fixture says).
func SigLIPs(t *testing.T, dtype torch.DType, gelu string, f func(t *testing.T, x Fixture)) {
	root := golden.Dir(t, "model")
	dirs, err := filepath.Glob(filepath.Join(root, "siglip-*"))
	if err != nil || len(dirs) == 0 {
		t.Skipf("no fixtures of SigLIP: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c := siglipConfig(t, filepath.Join(dir, "open_clip"), gelu)
			f(t, NewFixture(t, dir, Loaded(t, c, Opened(t, filepath.Join(dir, "open_clip", "model.safetensors")), dtype)))
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
	v["patch_size"], v["width"], v["layers"] = args.Patch, args.Width, args.Depth
	v["head_width"], v["mlp_ratio"] = args.Width/args.Heads, args.Ratio
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

// SigLIPsOfTransformers runs f for the same models read from transformers' folders, with transformers' gradients under
// open_clip's names.
func SigLIPsOfTransformers(t *testing.T, dtype torch.DType, f func(t *testing.T, x Fixture, grads map[string][]float32)) {
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "model"), "siglip-*"))
	if err != nil || len(dirs) == 0 {
		t.Skipf("no fixtures of SigLIP: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			w := Opened(t, dir)
			c, err := model.ParseConfig(w.Model)
			if err != nil {
				t.Fatal(err)
			}
			grads := map[string][]float32{}
			g := Opened(t, filepath.Join(dir, "grads.safetensors")) // laid out as the weights are
			for _, name := range g.Names() {
				x, _ := g.Tensor(name)
				grads[name] = floats(x.Data)
			}
			f(t, NewFixture(t, dir, Loaded(t, c, w, dtype)), grads)
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
