package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// similarities are cosines of captions and pictures by transformers.
type similarities struct {
	Captions []string    `json:"captions"`
	Pictures []string    `json:"pictures"`
	Cosines  [][]float32 `json:"cosines"`
}

// siglipFolder is a folder of transformers' with SigLIP's weights and a tokenizer, and another with the pictures.
func siglipFolder(t *testing.T) (model, pictures string, want similarities) {
	t.Helper()
	torchtest.Need(t)
	fixture := golden.Dir(t, "siglip")
	data, err := os.ReadFile(filepath.Join(fixture, "similarities.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	model, pictures = t.TempDir(), t.TempDir()
	for _, name := range []string{"config.json", "model.safetensors", "preprocessor_config.json"} {
		copyFile(t, filepath.Join(golden.Dir(t, "model/siglip-tiny"), name), filepath.Join(model, name))
	}
	for _, name := range []string{"spiece.model", "tokenizer_config.json"} {
		copyFile(t, filepath.Join(fixture, name), filepath.Join(model, name))
	}
	for _, name := range want.Pictures {
		copyFile(t, filepath.Join(golden.Dir(t, "jpeg/src"), name), filepath.Join(pictures, name))
	}
	return model, pictures, want
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// check embeds a folder's pictures and asks for each caption.
func (want similarities) check(t *testing.T, model, pictures string) {
	t.Helper()
	index := filepath.Join(t.TempDir(), "index")
	must(t, "embed", "--model", model, "--precision", "fp32", pictures, "--index", index, "--quiet")
	for i, caption := range want.Captions {
		if caption == "" {
			continue // no query
		}
		lines := strings.Split(strings.TrimSpace(must(t, "search", "--index", index, "--precision", "fp32", "--json", caption).out), "\n")
		if len(lines) != len(want.Pictures) {
			t.Fatalf("%d results for %q", len(lines), caption)
		}
		for _, line := range lines {
			hit := decodeJSON[struct {
				Path  string  `json:"path"`
				Score float64 `json:"score"`
			}](t, result{out: line})
			for j, name := range want.Pictures {
				if off := math.Abs(hit.Score - float64(want.Cosines[i][j])); filepath.Base(hit.Path) == name && off > 2e-5 {
					t.Errorf("%q and %s: %.6f, transformers have %.6f", caption, name, hit.Score, want.Cosines[i][j])
				}
			}
		}
	}
}

// From the JPEG and the caption to the cosine: preprocessing, tokenizer, towers.
func TestGoldenSigLIPFolderSearchesAsTransformers(t *testing.T) {
	model, pictures, want := siglipFolder(t)
	want.check(t, model, pictures)
	converted := filepath.Join(t.TempDir(), "open_clip")
	if r := must(t, "convert", model, converted, "--to", "open_clip"); !strings.Contains(r.err, "timm has no vit_custom_patch8_siglip_32") {
		t.Errorf("what open_clip lacks is not said: %s", r.err)
	}
	want.check(t, converted, pictures)
}

// A checkpoint of a model with a tokenizer of its own is complete, and a resumed run goes on with it.
func TestCheckpointsKeepTheModelsTokenizer(t *testing.T) {
	model, _, _ := siglipFolder(t)
	out := filepath.Join(t.TempDir(), "run")
	train := []string{"train", "--model", model, "--train-data", "builtin:shapes?n=64", "--out", out, "--batch-size", "8", "--quiet"}
	must(t, append(train, "--steps", "2")...)
	must(t, "train", "--out", out, "--resume", "latest", "--steps", "4", "--quiet")
	checkpoint := filepath.Join(out, pretrained.CheckpointsDir, "step-00000004")
	for _, name := range []string{"spiece.model", "tokenizer_config.json"} {
		got, err := os.ReadFile(filepath.Join(checkpoint, name))
		want, _ := os.ReadFile(filepath.Join(model, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s in the checkpoint: %v", name, err)
		}
	}
}

// Pictures need no tokenizer; captions without it are refused in one line, and so is a name whose tokenizer is elsewhere.
func TestSigLIPWithoutItsTokenizerEmbedsPictures(t *testing.T) {
	model, pictures, _ := siglipFolder(t)
	if err := os.Remove(filepath.Join(model, "spiece.model")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(model, "tokenizer_config.json")); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(t.TempDir(), "index")
	must(t, "embed", "--model", model, pictures, "--index", index, "--quiet")
	if r := clipgo(t, "search", "--index", index, "a red heart"); r.code != 4 || !strings.Contains(r.err, "has no tokenizer") ||
		strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	r := clipgo(t, "train", "--model", "ViT-B-16-SigLIP", "--train-data", "builtin:shapes?n=64", "--out",
		filepath.Join(t.TempDir(), "run"), "--steps", "1", "--quiet")
	if r.code != 4 || !strings.Contains(r.err, "timm/ViT-B-16-SigLIP") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
