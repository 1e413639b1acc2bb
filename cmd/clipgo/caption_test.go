package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/captioning"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// tinyCaptioner writes the config of a small model with a decoder and returns its path.
func tinyCaptioner(t testing.TB) string {
	t.Helper()
	torchtest.Need(t)
	return write(t, filepath.Join(t.TempDir(), "captioner.json"), `{
		"embed_dim": 16, "custom_text": true,
		"vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16,
			"attentional_pool": true, "attn_pooler_queries": 4, "attn_pooler_heads": 2, "output_tokens": true},
		"text_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1, "embed_cls": true, "output_tokens": true},
		"multimodal_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1}
	}`)
}

func captionRun(model, out string, more ...string) []string {
	return tinyRun(model, out, append([]string{"--objective", "coca", "--steps", "6", "--batch-size", "8"}, more...)...)
}

func TestACaptionerIsTrainedResumedTunedAndUsed(t *testing.T) {
	model, dir := tinyCaptioner(t), t.TempDir()
	whole, parts, tuned := filepath.Join(dir, "whole"), filepath.Join(dir, "parts"), filepath.Join(dir, "tuned")
	r := must(t, captionRun(model, whole, "--json")...)
	if got := decodeJSON[struct{ Perplexity float64 }](t, r); !(got.Perplexity > 1) {
		t.Errorf("perplexity %g", got.Perplexity)
	}
	must(t, captionRun(model, parts, "--stop-after", "2")...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)

	must(t, captionRun(whole, tuned, "--lock-image", "--coca-contrastive-loss-weight", "0", "--lr", "1e-3", "--steps", "2")...)
	before, after := tensorsIn(t, whole, pretrained.WeightsFile), tensorsIn(t, tuned, pretrained.WeightsFile)
	for name := range before {
		locked := strings.HasPrefix(name, "visual.") || name == "logit_scale" || name == "text.cls_emb" || name == "text.text_projection"
		if strings.HasPrefix(name, "text.ln_final.") { // reads the class token alone
			locked = true
		}
		if moved := before[name] != after[name]; moved == locked {
			t.Errorf("%s moved: %v", name, moved)
		}
	}
	captionsOf(t, whole)
	brokenAmong(t, whole)
	scoresOf(t, whole)
}

func captionsOf(t *testing.T, run string) {
	t.Helper()
	const source = "builtin:shapes?split=val&n=5"
	for _, method := range []string{"greedy", "beam", "top-p"} {
		line := []string{"caption", "--model", run, source, "--method", method, "--min-length", "2", "--max-length", "6", "--prompt",
			"a picture", "--seed", "3", "--precision", "fp32", "--json"}
		lines := slices.Collect(strings.Lines(must(t, line...).out))
		if len(lines) != 5 {
			t.Errorf("%s: %d lines", method, len(lines))
		}
		for _, l := range lines {
			var w captioning.Written
			if err := json.Unmarshal([]byte(l), &w); err != nil || !strings.HasPrefix(w.Image, "shapes/val/") ||
				!strings.HasPrefix(w.Caption, "a picture") || !(w.LogProb < 0) {
				t.Errorf("%s: %s%v", method, l, err)
			}
		}
	}
	if r := must(t, "caption", "--model", run, source); strings.Count(r.out, "\n") != 5 || strings.Count(r.out, "\t") != 5 {
		t.Errorf("%q", r.out)
	}
}

// brokenAmong captions a good picture behind a broken one.
func brokenAmong(t *testing.T, run string) {
	t.Helper()
	dir := t.TempDir()
	bad, good := write(t, filepath.Join(dir, "a.png"), "no picture"), picture(t, filepath.Join(dir, "b.png"), color.White)
	r := clipgo(t, "caption", "--model", run, bad, good, "--max-length", "6", "--json")
	if r.code != exitData || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.out, `"error"`) ||
		!strings.Contains(r.err, "--max-skip 1") {
		t.Errorf("exit %d, want 3 and two lines:\n%s%s", r.code, r.out, r.err)
	}
}

func scoresOf(t *testing.T, run string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scores.json")
	r := must(t, "eval", "caption", "--model", run, "builtin:shapes?split=val&n=5", "--method", "greedy", "--max-length", "8", "--json",
		"--out", file)
	if written, err := clipbenchmark.ReadFile(file); err != nil || written.Task != "captioning" {
		t.Errorf("%+v, %v", written, err)
	}
	got := decodeJSON[captioning.Scores](t, r)
	if got.N != 5 || !(got.Perplexity > 1) || got.Attributes == nil || got.CLIPScore < 0 || got.CLIPScore > 2.5 {
		t.Errorf("%s", r.out)
	}
	for _, key := range []string{"bleu_1", "bleu_4", "rouge_l", "cider", "clip_score", "perplexity", "attributes", "empty", "METEOR"} {
		if !strings.Contains(r.out, `"`+key+`"`) {
			t.Errorf("no %s in %s", key, r.out)
		}
	}
	out := t.TempDir()
	r = must(t, "eval", "benchmark", "--models", run, "--data", "shapes=builtin:shapes?split=val&n=3", "--tasks", "captioning",
		"--out", out, "--json")
	var cell struct {
		Metrics map[string]*float64
		Task    string
	}
	if err := json.Unmarshal([]byte(r.out), &cell); err != nil || cell.Task != "captioning" {
		t.Fatalf("%s, %v", r.out, err)
	}
	for _, key := range []string{"Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "METEOR", "ROUGE_L", "CIDEr", "SPICE"} {
		v, ok := cell.Metrics[key]
		if missing := key == "METEOR" || key == "SPICE"; !ok || (v == nil) != missing {
			t.Errorf("%s is %v in %s", key, v, r.out)
		}
	}
}

func TestCaptionsAreRefusedInOneLine(t *testing.T) {
	plain, model := tiny(t), tinyCaptioner(t)
	long := strings.Repeat("red ", 90)
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no decoder", []string{"caption", "--model", plain, "builtin:shapes?n=1"}, 4, "no decoder"},
		{"a long prompt", []string{"caption", "--model", model, "builtin:shapes?n=1", "--prompt", long}, 2, "the prompt has 90 tokens"},
		{"no beams", []string{"caption", "--model", model, "builtin:shapes?n=1", "--beams", "0"}, 2, "beams: 0"},
		{"an unknown method", []string{"caption", "--model", model, "builtin:shapes?n=1", "--method", "best"}, 2,
			"none of greedy, beam, top-p"},
		{"no picture", []string{"caption", "--model", model, "nowhere.png"}, 2, "nowhere.png"},
		{"to train without a decoder", captionRun(plain, filepath.Join(t.TempDir(), "r")), 2, "coca needs a model with a decoder"},
		{"no caption weight", captionRun(model, filepath.Join(t.TempDir(), "r"), "--coca-caption-loss-weight", "0"), 2,
			"--coca-caption-loss-weight"},
	} {
		r := clipgo(t, c.args...)
		last := r.err[strings.LastIndex(strings.TrimSuffix(r.err, "\n"), "\n")+1:]
		if r.code != c.code || !strings.Contains(last, c.want) {
			t.Errorf("%s: exit %d, %s", c.name, r.code, r.err)
		}
	}
}

// An empty caption is a result: counted and said, and no picture's line is lost.
func TestEmptyCaptionsAreSaid(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	must(t, captionRun(tinyCaptioner(t), run, "--steps", "1")...)
	r := must(t, "caption", "--model", run, "builtin:shapes?n=3", "--length-penalty", "-50")
	if strings.Count(r.out, "\n") != 3 {
		t.Errorf("%q", r.out)
	}
	if empty := strings.Count(r.out, "\t\n"); empty > 0 != strings.Contains(r.err, "empty captions") {
		t.Errorf("%d empty captions\n%s", empty, r.err)
	}
}

// Each picture has one caption, so that both measure the same; there are several batches.
func TestATrainingTellsThePerplexityOfItsModel(t *testing.T) {
	dir := t.TempDir()
	rows := []string{"filepath,title"}
	for i := range 150 {
		name := fmt.Sprintf("%d.png", i)
		picture(t, filepath.Join(dir, name), color.RGBA{uint8(37 * i), uint8(91 * i), uint8(13 * i), 255})
		rows = append(rows, name+","+[]string{"red", "green and blue", "a very dark one"}[i%3])
	}
	table, run := write(t, filepath.Join(dir, "val.csv"), strings.Join(rows, "\n")), filepath.Join(dir, "run")
	told := decodeJSON[struct{ Perplexity float64 }](t,
		must(t, captionRun(tinyCaptioner(t), run, "--val-data", table, "--steps", "30", "--lr", "0.03", "--json")...))
	got := decodeJSON[captioning.Scores](t, must(t, "eval", "caption", "--model", run, table, "--max-length", "3", "--method", "greedy",
		"--precision", "fp32", "--json"))
	if d := told.Perplexity/got.Perplexity - 1; !(math.Abs(d) < 1e-6) {
		t.Errorf("the training says %.7f, eval caption %.7f", told.Perplexity, got.Perplexity)
	}
}
