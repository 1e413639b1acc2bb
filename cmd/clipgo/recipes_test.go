package main

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/pretrained"
)

// TestPatchDropoutIsForTrainingAlone follows docs/recipes.md: most of a run leaves half of the patches out, its last steps see
// all, and evaluations see all throughout.
func TestPatchDropoutIsForTrainingAlone(t *testing.T) {
	tiny(t)
	model := write(t, filepath.Join(t.TempDir(), "sixteen.json"), `{
		"embed_dim": 32,
		"vision_cfg": {"image_size": 64, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
		"text_cfg": {"context_length": 16, "width": 32, "heads": 2, "layers": 1}
	}`)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	flip := []string{"--force-patch-dropout", "0.5", "--stop-after"}
	must(t, tinyRun(model, whole, append(flip, "30")...)...)
	must(t, tinyRun(model, parts, append(flip, "13", "--workers", "1")...)...)
	must(t, "train", "--resume", "latest", "--out", parts, "--stop-after", "17", "--workers", "3")
	sameRun(t, parts, whole)

	measure := func(args ...string) string {
		return measuredIn(must(t, append([]string{"eval", "retrieval", "builtin:shapes?split=val&n=100", "--precision", "fp32", "--json"},
			args...)...))
	}
	if dropping, keeping := measure("--model", parts), measure("--model", model, "--pretrained",
		filepath.Join(newest(t, parts), pretrained.WeightsFile)); dropping != keeping {
		t.Errorf("with patch_dropout in its config it reaches %s, without %s", dropping, keeping)
	}

	r := must(t, "train", "--resume", "latest", "--out", whole, "--force-patch-dropout", "0")
	must(t, "train", "--resume", "latest", "--out", parts)
	if want := "change model_cfg.vision_cfg.patch_dropout 0.5 -> 0"; !strings.Contains(r.err, want) {
		t.Errorf("no %q in\n%s", want, r.err)
	}
	if string(read(t, newest(t, whole), pretrained.WeightsFile)) == string(read(t, newest(t, parts), pretrained.WeightsFile)) {
		t.Error("the last steps saw as few patches as those before")
	}
	if s := runSettings(t, whole); s.ModelCfg.Vision.PatchDropout != 0 {
		t.Errorf("the tuned model goes on with patch_dropout %g", s.ModelCfg.Vision.PatchDropout)
	}
}

// TestASmallModelIsTunedAtFullSize follows docs/recipes.md: small pictures and short captions first, then full ones.
func TestASmallModelIsTunedAtFullSize(t *testing.T) {
	model := tiny(t)
	small, full := filepath.Join(t.TempDir(), "small"), filepath.Join(t.TempDir(), "full")
	must(t, tinyRun(model, small, "--steps", "4", "--force-context-length", "8")...)
	must(t, tinyRun(small, full, "--steps", "4", "--force-image-size", "64", "--force-context-length", "16", "--lr", "1e-4")...)
	s := runSettings(t, full)
	if v, l := s.ModelCfg.Vision.ImageSize, s.ModelCfg.Text.ContextLength; v != 64 || l != 16 || s.Preprocess.Size != 64 ||
		s.Optim.LR != 1e-4 {
		t.Errorf("tuned at %d pixels and %d tokens, pictures of %d, rate %g", v, l, s.Preprocess.Size, s.Optim.LR)
	}
	must(t, "eval", "retrieval", "--model", full, "builtin:shapes?split=val&n=20")
}
