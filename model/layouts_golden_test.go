package model_test

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/weights"
)

// published opens a file or folder as it is published; config is that of a bare file.
func published(t *testing.T, path string, config model.Config) *model.Model {
	t.Helper()
	torchtest.Need(t)
	w, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if w.Model != nil {
		if config, err = model.ParseConfig(w.Model); err != nil {
			t.Fatal(err)
		}
	}
	return mappedModel(t, config, w, model.BothTowers)
}

func mappedModel(t *testing.T, config model.Config, w model.OpenSet, towers model.Towers) *model.Model {
	t.Helper()
	k, err := model.Check(config, w, towers)
	if err != nil {
		t.Fatal(err)
	}
	m, err := k.OpenMapped(t.Context(), model.On())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// features are the unit features of a fixture's inputs.
func features(t *testing.T, m *model.Model, inputs map[string]golden.Tensor) (image, text []float32) {
	t.Helper()
	torchtest.Run(t, func(s *torch.Scope) {
		in := inputs["images"]
		image = m.Image().Forward(torch.From(s, in.F32, in.Shape...), m.Mode()).Unit().Float32s()
		ids := inputs["tokens"]
		text = m.Text().Forward(s, modeltest.Narrow(ids.I64), ids.Shape[0], m.Mode()).Unit().Float32s()
	})
	return image, text
}

// each runs f for every path of a pattern below the fixtures' folder model.
func each(t *testing.T, pattern string, f func(t *testing.T, path string, inputs map[string]golden.Tensor)) {
	t.Helper()
	root := golden.Dir(t, "model")
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(paths) == 0 {
		t.Skipf("no fixtures for %s: %v", pattern, err)
	}
	for _, path := range paths {
		name, _ := filepath.Rel(root, path)
		t.Run(name, func(t *testing.T) {
			model, _, _ := strings.Cut(name, string(filepath.Separator))
			f(t, path, golden.Tensors(t, filepath.Join(root, model, "inputs.safetensors")))
		})
	}
}

func TestGoldenTransformersFolders(t *testing.T) {
	each(t, "clip-*/hf", func(t *testing.T, dir string, inputs map[string]golden.Tensor) {
		m := published(t, dir, model.Config{})
		wants := golden.Tensors(t, filepath.Join(dir, "outputs.safetensors"))
		image, text := features(t, m, inputs)
		modeltest.Near(t, "image_embeds", image, wants["image_embeds"].F32, modeltest.FeatureTol())
		modeltest.Near(t, "text_embeds", text, wants["text_embeds"].F32, modeltest.FeatureTol())
	})
}

func TestGoldenStorageFormats(t *testing.T) {
	each(t, "*/formats/*", func(t *testing.T, path string, inputs map[string]golden.Tensor) {
		dir, name := filepath.Split(path)
		wants, prefix := golden.Tensors(t, filepath.Join(dir, "..", "outputs.safetensors")), ""
		switch {
		case filepath.Ext(name) == ".json" || strings.HasPrefix(name, "outputs"):
			t.Skip("no weights")
		case strings.Contains(name, "fp16"):
			prefix = "fp16."
		case strings.Contains(name, "bf16"):
			prefix = "bf16."
		}
		if prefix != "" {
			wants = golden.Tensors(t, filepath.Join(dir, "outputs_low_precision_weights.safetensors"))
		}
		whole, err := weights.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer whole.Close()
		c, err := model.ParseConfig(whole.Model)
		if err != nil {
			t.Fatal(err)
		}
		image, text := features(t, published(t, path, c), inputs)
		modeltest.Near(t, "image_features", image, wants[prefix+"image_features"].F32, modeltest.FeatureTol())
		modeltest.Near(t, "text_features", text, wants[prefix+"text_features"].F32, modeltest.FeatureTol())
	})
}

func TestGoldenOpenAIArchive(t *testing.T) {
	dir := golden.Dir(t, "containers")
	m := published(t, filepath.Join(dir, "openai.pt"), model.Config{})
	if !m.Config.QuickGELU {
		t.Error("OpenAI's weights without QuickGELU")
	}
	wants := golden.Tensors(t, filepath.Join(dir, "openai_outputs.safetensors"))
	image, text := features(t, m, wants)
	modeltest.Near(t, "image_features", image, wants["image_features"].F32, modeltest.FeatureTol())
	modeltest.Near(t, "text_features", text, wants["text_features"].F32, modeltest.FeatureTol())
}

func TestMappedWeightsGiveTheSameBits(t *testing.T) {
	each(t, "clip-*/model.safetensors", func(t *testing.T, path string, inputs map[string]golden.Tensor) {
		own := modeltest.LoadFixture(t, filepath.Dir(path), torch.Float32)
		image, text := features(t, own, inputs)
		image2, text2 := features(t, published(t, path, own.Config), inputs)
		modeltest.Near(t, "image", image2, image, golden.Tol{})
		modeltest.Near(t, "text", text2, text, golden.Tol{})
	})
}
