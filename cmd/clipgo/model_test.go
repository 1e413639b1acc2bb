package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// TestGoldenEveryFormOfAModelGivesTheSameScores classifies a picture with one model in all its forms.
func TestGoldenEveryFormOfAModelGivesTheSameScores(t *testing.T) {
	torchtest.Need(t)
	run, dir := filepath.Join(t.TempDir(), "run"), t.TempDir()
	config := tiny(t)
	must(t, tinyRun(config, run, "--steps", "2")...)
	hf, oc := filepath.Join(dir, "hf"), filepath.Join(dir, "oc")
	must(t, "convert", run, hf, "--to", "hf")
	must(t, "convert", run, oc, "--to", "open_clip")
	checkpoint := filepath.Join(run, pretrained.CheckpointsDir, "step-00000002")
	picture := filepath.Join(pairs(t, 1), "p000.png")
	score := func(model ...string) string {
		return must(t, append([]string{"zeroshot", picture, "--classes", "a,b,c", "--precision", "fp32", "--templates",
			write(t, filepath.Join(dir, "t.txt"), "a {}"), "--model"}, model...)...).out
	}
	want := score(run)
	for _, form := range [][]string{
		{checkpoint}, {hf}, {oc},
		{config, "--pretrained", filepath.Join(checkpoint, pretrained.WeightsFile)},
		{config, "--pretrained", filepath.Join(hf, pretrained.WeightsFile)}, // transformers' names
	} {
		if got := score(form...); got != want {
			t.Errorf("%v: %s, want %s", form, got, want)
		}
	}
}

func TestModelsThatDoNotFitAreRefusedInOneLine(t *testing.T) {
	torchtest.Need(t)
	root := golden.Own(t, "model")
	gelu, formats := filepath.Join(root, "clip-gelu"), filepath.Join(root, "clip-gelu", "formats")
	picture := filepath.Join(pairs(t, 1), "p000.png")
	broken := t.TempDir()
	if err := os.CopyFS(broken, os.DirFS(filepath.Join(root, "clip-gelu", "hf"))); err != nil {
		t.Fatal(err)
	}
	data := string(read(t, broken, "config.json"))
	write(t, filepath.Join(broken, "config.json"), strings.Replace(data, `"num_hidden_layers": 2`, `"num_hidden_layers": 3`, 1))
	square := t.TempDir()
	write(t, filepath.Join(square, pretrained.ModelConfigFile), strings.Replace(string(read(t, formats, pretrained.ModelConfigFile)),
		"\"size\": [\n      32,\n      32", "\"size\": [\n      48,\n      48", 1))
	write(t, filepath.Join(square, pretrained.WeightsFile), string(read(t, gelu, pretrained.WeightsFile)))
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitModel, "missing: transformer.resblocks.2.", []string{broken}},
		{exitModel, "it makes pictures of 48 pixels, the model takes 32", []string{square}},
		{exitModel, "does not fit: ", []string{filepath.Join(gelu, "config.json"), "--pretrained",
			filepath.Join(root, "clip-quickgelu", pretrained.WeightsFile)}},
		{exitModel, "pretrained weights", []string{filepath.Join(formats, "model_fp16.safetensors")}},
		{exitUsage, "text_cfg.layers: 1000000000 is more than 1024",
			[]string{write(t, filepath.Join(t.TempDir(), "deep.json"),
				`{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"layers": 1000000000}}`)}},
		{exitUsage, "give it as the model", []string{"ViT-B-32", "--pretrained", gelu}},
		{exitUsage, "no such file", []string{"ViT-B-32", "--pretrained", filepath.Join(gelu, "nothing.pt")}},
		{exitModel, "96 tokens are fewer than CLIP's", []string{filepath.Join(root, "..", "containers", "openai.pt")}},
		{exitModel, "not a valid", []string{"ViT-B-32", "--pretrained", filepath.Join(gelu, "README.md")}},
	} {
		r := clipgo(t, append([]string{"zeroshot", picture, "--classes", "a,b", "--model"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) || strings.Count(r.err, "clipgo: ") != 1 {
			t.Errorf("%v: exit %d, want %d and %q: %s", c.args, r.code, c.code, c.want, r.err)
		}
	}
}
