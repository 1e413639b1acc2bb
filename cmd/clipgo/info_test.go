package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
	"clipgo/pretrained"
	"clipgo/weights"
)

func TestInfoSaysWhatIsMissing(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	if r := must(t, "info", model); !strings.Contains(r.out, "none (config only)") {
		t.Errorf("a config has weights:\n%s", r.out)
	}
	run := filepath.Join(dir, "run")
	must(t, tinyRun(model, run, "--save-frequency", "10", "--steps", "20")...)
	path := filepath.Join(run, pretrained.CheckpointsDir, "step-00000020", pretrained.WeightsFile)
	data := read(t, path)
	data[len(data)/2] ^= 4
	write(t, path, string(data))
	r := must(t, "info", run)
	if !strings.Contains(r.err, "step-00000020") || !strings.Contains(r.out, "10 steps") {
		t.Errorf("what was skipped is not reported:\n%s%s", r.out, r.err)
	}
	early := filepath.Join(dir, "early")
	for _, name := range []string{pretrained.RunFile, metricsFile} {
		write(t, filepath.Join(early, name), string(read(t, run, name)))
	}
	if r := clipgo(t, "info", early); r.code != exitModel || !strings.Contains(r.err, "no checkpoint yet") {
		t.Errorf("a run without a checkpoint: exit %d, want 4: %s", r.code, r.err)
	}
}

func TestBenchLeavesOutWhatItDoesNotTell(t *testing.T) {
	model, dir := tiny(t), pairs(t, 9)
	write(t, filepath.Join(dir, "p004.png"), "not a picture")
	r := must(t, "bench", "load", "--model", model, "--data", dir, "--batch-size", "3", "--steps", "3", "--json")
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || string(got["skipped"]) != "1" || got["images_per_second"] == nil || got["workers"] == nil {
		t.Errorf("%s, want images_per_second, workers, and 1 skipped", r.out)
	}
}

func TestGoldenInfoTellsWhatAModelIs(t *testing.T) {
	root := golden.Dir(t, "model")
	for _, c := range []struct {
		model, activation string
		layout            weights.Layout
		dtype             safetensors.DType
	}{
		{"model/clip-gelu", "GELU", weights.OpenCLIP, "F32"},
		{"model/clip-gelu/hf", "GELU", weights.HFCLIP, "F32"},
		{"model/clip-gelu/formats", "GELU", weights.OpenCLIP, "F32"},
		{"model/clip-quickgelu/hf", "QuickGELU", weights.HFCLIP, "F32"},
		{"containers/openai.pt", "QuickGELU", weights.OpenAI, "F16"},
	} {
		i := decodeJSON[pretrained.Description](t, must(t, "info", filepath.Join(root, "..", c.model), "--json"))
		if i.Family != "CLIP" || i.Activation != c.activation || i.Stored.Layout != c.layout || i.Stored.DType != c.dtype {
			t.Errorf("%s: %s, %s, %+v", c.model, i.Family, i.Activation, i.Stored)
		}
		if (i.Notes != nil) != (c.layout == weights.OpenAI) {
			t.Errorf("%s: inferred %v", c.model, i.Notes)
		}
	}
	gelu, hf := filepath.Join(root, "clip-gelu"), filepath.Join(root, "clip-gelu", "hf")
	one := decodeJSON[pretrained.Description](t, must(t, "info", gelu, "--json"))
	other := decodeJSON[pretrained.Description](t, must(t, "info", hf, "--json"))
	if one.Stored.Fingerprint != other.Stored.Fingerprint {
		t.Error("the same model in another layout has another fingerprint")
	}
}

func TestInfoRefusesWeightsWithoutAModel(t *testing.T) {
	formats := filepath.Join(golden.Dir(t, "model"), "clip-gelu", "formats")
	for _, name := range []string{"epoch_1.pt", "model_bf16.safetensors"} {
		if r := clipgo(t, "info", filepath.Join(formats, name)); r.code != exitModel || !strings.Contains(r.err, "pretrained weights") {
			t.Errorf("%s: exit %d, want 4 and what to do: %s", name, r.code, r.err)
		}
	}
}
