package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/describe"
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
	if reasons := string(got["skip_reasons"]); !strings.Contains(reasons, "not a JPEG") || !strings.HasSuffix(reasons, ":1}") {
		t.Errorf("why: %s", reasons)
	}
	if len(got) != 4 || string(got["skipped"]) != "1" || got["images_per_second"] == nil || got["workers"] == nil {
		t.Errorf("%s, want images_per_second, workers, and 1 skipped with its reason", r.out)
	}
}

// info --verify names all weights that can't be right, in a run without what notices any changed byte.
func TestInfoNamesWeightsThatCantBeRight(t *testing.T) {
	run := trained(t)
	const nan = "\x00\x00\xc0\x7f"
	for want, spoil := range map[string]func(name string) string{
		"nothing but zeros in text_projection, token_embedding.weight, visual.conv1.weight, visual.proj, so": func(string) string {
			return "\x00\x00\x00\x00"
		},
		"not a finite number in visual.ln_pre.bias, visual.ln_pre.weight\n": func(name string) string {
			if strings.HasPrefix(name, "visual.ln_pre.") {
				return nan
			}
			return ""
		},
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		must(t, "convert", run, bad, "--to", "open_clip")
		if err := os.Remove(filepath.Join(bad, "MANIFEST")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(bad, "open_clip_model.safetensors")
		f, err := safetensors.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var all []safetensors.Tensor
		for _, name := range f.Names() {
			tensor, _ := f.Tensor(name)
			tensor.Data = bytes.Clone(tensor.Data)
			for at := 0; at < len(tensor.Data); at += 4 {
				copy(tensor.Data[at:], spoil(name))
			}
			all = append(all, tensor)
		}
		var file bytes.Buffer
		if err := errors.Join(f.Close(), safetensors.Write(&file, all, nil)); err != nil {
			t.Fatal(err)
		}
		write(t, path, file.String())
		if r := clipgo(t, "info", bad, "--verify"); r.code != exitModel || !strings.Contains(r.err, want) {
			t.Errorf("exit %d, %q, want %q", r.code, r.err, want)
		}
		must(t, "info", bad)
	}
}

func TestConfigsAreListedBySize(t *testing.T) {
	last := int64(0)
	for line := range strings.Lines(must(t, "info", "--list", "--json").out) {
		var l describe.Config
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Parameters < last {
			t.Errorf("%s after %d parameters: %v", line, last, err)
		}
		last = l.Parameters
	}
}

func TestGoldenInfoTellsWhatAModelIs(t *testing.T) {
	for _, c := range []struct {
		fixture, model, activation string
		layout                     weights.Layout
		dtype                      safetensors.DType
	}{
		{"model/clip-gelu", ".", "GELU", weights.OpenCLIP, "F32"},
		{"model/clip-gelu", "hf", "GELU", weights.HFCLIP, "F32"},
		{"model/clip-gelu", "formats", "GELU", weights.OpenCLIP, "F32"},
		{"model/clip-quickgelu", "hf", "QuickGELU", weights.HFCLIP, "F32"},
		{"containers", "openai.pt", "QuickGELU", weights.OpenAI, "F16"},
	} {
		t.Run(c.fixture+"/"+c.model, func(t *testing.T) {
			i := decodeJSON[pretrained.Description](t, must(t, "info", filepath.Join(golden.Dir(t, c.fixture), c.model), "--json"))
			if i.Family != "CLIP" || i.Activation != c.activation || i.Stored.Layout != c.layout || i.Stored.DType != c.dtype {
				t.Errorf("%s, %s, %+v", i.Family, i.Activation, i.Stored)
			}
			if (i.Notes != nil) != (c.layout == weights.OpenAI) {
				t.Errorf("inferred %v", i.Notes)
			}
		})
	}
	root := golden.Dir(t, "model")
	gelu, hf := filepath.Join(root, "clip-gelu"), filepath.Join(root, "clip-gelu", "hf")
	one := decodeJSON[pretrained.Description](t, must(t, "info", gelu, "--json"))
	other := decodeJSON[pretrained.Description](t, must(t, "info", hf, "--json"))
	if one.Stored.Fingerprint != other.Stored.Fingerprint {
		t.Error("the same model in another layout has another fingerprint")
	}
}

func TestInfoRefusesWeightsWithoutAModel(t *testing.T) {
	formats := filepath.Join(golden.Own(t, "model"), "clip-gelu", "formats")
	for _, name := range []string{"epoch_1.pt", "model_bf16.safetensors"} {
		if r := clipgo(t, "info", filepath.Join(formats, name)); r.code != exitModel || !strings.Contains(r.err, "pretrained weights") {
			t.Errorf("%s: exit %d, want 4 and what to do: %s", name, r.code, r.err)
		}
	}
}
