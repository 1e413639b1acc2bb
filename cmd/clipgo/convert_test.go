package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/paths"
	"clipgo/pretrained"
	"clipgo/pretrained/convert"
	"clipgo/weights"
)

func TestConvertThereAndBackKeepsEveryTensor(t *testing.T) {
	run, dir := filepath.Join(t.TempDir(), "run"), t.TempDir()
	must(t, tinyRun(tiny(t), run, "--steps", "2")...)
	hf, back := filepath.Join(dir, "hf"), filepath.Join(dir, "back")
	must(t, "convert", run, hf, "--to", "hf")
	done := decodeJSON[convert.Result](t, must(t, "convert", hf, back, "--to", "open_clip", "--json"))
	if done.From != weights.HFCLIP || done.DType != "F32" || !done.Tokenizer {
		t.Errorf("it says %+v", done)
	}
	checkpoint := filepath.Join(run, pretrained.CheckpointsDir, "step-00000002")
	if a, b := digest(t, checkpoint), digest(t, back); a != b {
		t.Errorf("digest %s became %s", a, b)
	}
	for _, name := range []string{"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
		"README.md"} {
		for _, folder := range []string{hf, back} {
			if !paths.Exists(filepath.Join(folder, name)) {
				t.Errorf("%s lacks %s", folder, name)
			}
		}
	}
	if card := string(read(t, hf, "README.md")); !strings.Contains(card, "library_name: transformers") ||
		!strings.Contains(card, "layout open_clip") {
		t.Errorf("the card says:\n%s", card)
	}
}

// A folder that convert wrote has a MANIFEST. A flipped bit is found where the folder is opened, and one of large weights by info --verify;
// what its user adds, and the card, are not compared.
func TestDamageInAConvertedFolderIsFound(t *testing.T) {
	run, dir := filepath.Join(t.TempDir(), "run"), t.TempDir()
	must(t, tinyRun(tiny(t), run, "--steps", "2")...)
	good := filepath.Join(dir, "good")
	must(t, "convert", run, good, "--to", "hf")
	must(t, "info", good, "--verify")
	for _, name := range []string{"config.json", "preprocessor_config.json", "merges.txt", "prompts.json", "model.safetensors"} {
		bad := filepath.Join(dir, name)
		if err := os.CopyFS(bad, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		data := read(t, bad, name)
		data[len(data)-2] ^= 1
		write(t, filepath.Join(bad, name), string(data))
		for _, args := range [][]string{{"info", bad}, {"info", bad, "--verify"}, {"zeroshot", filepath.Join(pairs(t, 1), "p000.png"),
			"--classes", "a,b", "--model", bad}} {
			r := clipgo(t, args...)
			if r.code != exitModel || !strings.Contains(r.err, filepath.Join(bad, name)+": wrong SHA-256") ||
				!strings.Contains(r.err, "MANIFEST") {
				t.Errorf("%s, %v: exit %d: %s", name, args[0], r.code, r.err)
			}
		}
	}
	write(t, filepath.Join(good, "README.md"), "another card")
	write(t, filepath.Join(good, "notes.txt"), "mine")
	must(t, "info", good, "--verify")
}

// digest is of every number, as info --verify gives it.
func digest(t *testing.T, model string) string {
	t.Helper()
	i := decodeJSON[pretrained.Description](t, must(t, "info", model, "--verify", "--json"))
	return i.Stored.Digest
}

func TestConvertRefuses(t *testing.T) {
	root := golden.Own(t, "model")
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	write(t, filepath.Join(full, "mine.txt"), "keep")
	spoiled := filepath.Join(dir, "spoiled")
	if err := os.CopyFS(spoiled, os.DirFS(filepath.Join(root, "clip-gelu"))); err != nil {
		t.Fatal(err)
	}
	data := read(t, spoiled, pretrained.WeightsFile)
	copy(data[len(data)-4:], []byte{0, 0, 0xc0, 0x7f})
	write(t, filepath.Join(spoiled, pretrained.WeightsFile), string(data))
	plain, out := filepath.Join(root, "clip-gelu"), filepath.Join(dir, "out")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "--to is missing", []string{plain, out}},
		{exitUsage, "is neither open_clip nor hf", []string{plain, out, "--to", "onnx"}},
		{exitUsage, "is none of f32, f16, bf16", []string{plain, out, "--to", "hf", "--dtype", "int8"}},
		{exitUsage, "is not empty", []string{plain, full, "--to", "hf"}},
		{exitUsage, "a config without weights", []string{"ViT-B-32", out, "--to", "hf"}},
		{exitUsage, "no such file", []string{filepath.Join(dir, "nothing"), out, "--to", "hf"}},
		{exitModel, "clip-odd: transformers' CLIPModel has no vision_cfg.ls_init_value (layer scale)",
			[]string{filepath.Join(root, "clip-odd"), out, "--to", "hf"}},
		{exitModel, "spoiled: visual.transformer.resblocks.1.mlp.c_proj.weight: not a finite number",
			[]string{spoiled, out, "--to", "open_clip"}},
		{exitModel, "coca-tiny: transformers' CLIPModel has no multimodal_cfg", []string{filepath.Join(root, "coca-tiny"), out, "--to",
			"hf"}},
		{exitModel, "missing: ", []string{"ViT-B-32", out, "--to", "hf", "--pretrained", filepath.Join(plain, pretrained.WeightsFile)}},
	} {
		r := clipgo(t, append([]string{"convert"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) || strings.Count(strings.TrimSpace(r.err), "\n") > 0 {
			t.Errorf("%v: exit %d, want %d and %q: %s", c.args, r.code, c.code, c.want, r.err)
		}
		if paths.Exists(out) {
			t.Errorf("%v: left a folder behind", c.args)
		}
	}
	if string(read(t, full, "mine.txt")) != "keep" {
		t.Error("a file that was there is gone")
	}
}

func TestConvertNeedsNoLibtorch(t *testing.T) {
	c := process(t, "convert", filepath.Join(golden.Own(t, "model"), "clip-gelu"), filepath.Join(t.TempDir(), "out"), "--to", "hf",
		"--dtype", "bf16")
	c.Env = append(c.Env, "CLIPGO_LIBTCH=/nowhere/libtch.so")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
