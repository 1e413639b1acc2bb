package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// sized is the config of a small model; its %s are further keys of the whole, the image tower and the text tower.
const sized = `{"embed_dim": 32 %s, "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 2, "width": 32, "head_width": 16 %s},
	"text_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1 %s}}`

// A key that occurs twice has its last value.
func TestConfigsOfAnySizeAreRefusedByTheirKey(t *testing.T) {
	torchtest.Need(t)
	for _, c := range []struct{ key, top, vision, text string }{
		{"embed_dim: 1000000000", `, "embed_dim": 1000000000`, "", ""},
		{"embed_dim: 1000000", `, "embed_dim": 1000000`, "", ""},
		{"vision_cfg.width: 1000000000", "", `, "width": 1000000000`, ""},
		{"vision_cfg.image_size: 1000000000", "", `, "image_size": 1000000000`, ""},
		{"vision_cfg.mlp_ratio: 1e+09", "", `, "mlp_ratio": 1e9`, ""},
		{"vision_cfg.mlp_ratio: 1e-09 of a width of 32 leaves the MLP no unit", "", `, "mlp_ratio": 1e-9`, ""},
		{"vision_cfg.layers: 1000000", "", `, "layers": 1000000`, ""},
		{"vision_cfg.patch_size: 1 cuts a picture into 1048576 patches", "", `, "patch_size": 1, "image_size": 1024`, ""},
		{"vision_cfg.attn_pooler_queries: 1000000000", "", `, "attn_pooler_queries": 1000000000`, ""},
		{"text_cfg.width: 1000000", "", "", `, "width": 1000000`},
		{"text_cfg.vocab_size: 1000000000", "", "", `, "vocab_size": 1000000000`},
		{"text_cfg.context_length: 1000000", "", "", `, "context_length": 1000000`},
		{"text_cfg.mlp_ratio: 1e+09", "", "", `, "mlp_ratio": 1e9`},
		{"text_cfg.width: it is text, not a whole number", "", "", `, "width": "32"`},
		{"embed_dim: it is the number 32.5, not a whole number", `, "embed_dim": 32.5`, "", ""},
	} {
		path := write(t, filepath.Join(t.TempDir(), "m.json"), fmt.Sprintf(sized, c.top, c.vision, c.text))
		for _, args := range [][]string{{"info", path}, {"train", "--train-data", "builtin:emoji", "--steps", "1", "--out",
			filepath.Join(t.TempDir(), "run"), "--model", path}} {
			r := clipgo(t, args...)
			if r.code != exitUsage || !strings.Contains(r.err, path) || !strings.Contains(r.err, c.key) || strings.Contains(r.err, "Go ") {
				t.Errorf("%s %s: exit %d: %s", args[0], c.key, r.code, r.err)
			}
		}
	}
}

// Each size is within its limit, and together they take terabytes.
func TestModelsThatMemoryCannotHoldAreCountedFirst(t *testing.T) {
	torchtest.Need(t)
	path := write(t, filepath.Join(t.TempDir(), "m.json"), fmt.Sprintf(sized, "", `, "width": 65536, "layers": 128`, ""))
	r := clipgo(t, "train", "--train-data", "builtin:emoji", "--steps", "1", "--out", filepath.Join(t.TempDir(), "run"), "--model", path)
	if r.code != exitUsage || !strings.Contains(r.err, path) || !strings.Contains(r.err, "vision_cfg.width 65536, layers 128") ||
		!strings.Contains(r.err, "of memory are free") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if out := must(t, "info", path).out; !strings.Contains(out, "this machine can't hold the model") {
		t.Error(out)
	}
	if i := decodeJSON[pretrained.Description](t, must(t, "info", path, "--json")); i.TooLarge == "" || i.Bytes < 1e12 {
		t.Errorf("%d bytes, %q", i.Bytes, i.TooLarge)
	}
}

// The same of a folder of weights is a damaged folder.
func TestGoldenFoldersOfAnySizeAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(golden.Dir(t, "model"), "clip-gelu", "hf"))); err != nil {
		t.Fatal(err)
	}
	config := read(t, dir, "config.json")
	for key, to := range map[string]string{"num_hidden_layers": "5000", "intermediate_size": "9223372036854775807",
		"max_position_embeddings": "1000000000"} {
		number := regexp.MustCompile(`"` + key + `": \d+`)
		if !number.Match(config) {
			t.Fatalf("the fixture has no %s", key)
		}
		write(t, filepath.Join(dir, "config.json"), number.ReplaceAllString(string(config), `"`+key+`": `+to))
		if r := clipgo(t, "info", dir); r.code != exitModel || !strings.Contains(r.err, "the limit") || !strings.Contains(r.err, dir) {
			t.Errorf("%s %s: exit %d: %s", key, to, r.code, r.err)
		}
	}
}
