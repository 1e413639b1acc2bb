package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/weights"
)

func TestConvertThereAndBackKeepsEveryTensor(t *testing.T) {
	run, dir := filepath.Join(t.TempDir(), "run"), t.TempDir()
	must(t, tinyRun(tiny(t), run, "--steps", "2")...)
	hf, back := filepath.Join(dir, "hf"), filepath.Join(dir, "back")
	must(t, "convert", run, hf, "--to", "hf")
	done := decodeJSON[converted](t, must(t, "convert", hf, back, "--to", "open_clip", "--json"))
	if done.From != weights.HFCLIP || done.DType != "F32" || !done.Tokenizer {
		t.Errorf("it says %+v", done)
	}
	checkpoint := filepath.Join(run, checkpointsDir, "step-00000002")
	if a, b := digest(t, checkpoint), digest(t, back); a != b {
		t.Errorf("digest %s became %s", a, b)
	}
	for _, name := range []string{"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "README.md"} {
		for _, folder := range []string{hf, back} {
			if !exists(filepath.Join(folder, name)) {
				t.Errorf("%s lacks %s", folder, name)
			}
		}
	}
	if card := string(read(t, hf, "README.md")); !strings.Contains(card, "library_name: transformers") || !strings.Contains(card, "layout open_clip") {
		t.Errorf("the card says:\n%s", card)
	}
}

// digest is of every number, as info --verify gives it.
func digest(t *testing.T, model string) string {
	t.Helper()
	i := decodeJSON[modelInfo](t, must(t, "info", model, "--verify", "--json"))
	return i.Stored.Digest
}

func TestConvertRefuses(t *testing.T) {
	root := golden.Dir(t, "model")
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	write(t, filepath.Join(full, "mine.txt"), "keep")
	spoiled := filepath.Join(dir, "spoiled")
	if err := os.CopyFS(spoiled, os.DirFS(filepath.Join(root, "clip-gelu"))); err != nil {
		t.Fatal(err)
	}
	data := read(t, spoiled, weightsFile)
	copy(data[len(data)-4:], []byte{0, 0, 0xc0, 0x7f})
	write(t, filepath.Join(spoiled, weightsFile), string(data))
	plain, out := filepath.Join(root, "clip-gelu"), filepath.Join(dir, "out")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitUsage, "is neither open_clip nor hf", []string{plain, out, "--to", "onnx"}},
		{exitUsage, "is none of f32, f16, bf16", []string{plain, out, "--to", "hf", "--dtype", "int8"}},
		{exitUsage, "is not empty", []string{plain, full, "--to", "hf"}},
		{exitUsage, "a config without weights", []string{"ViT-B-32", out, "--to", "hf"}},
		{exitUsage, "no such file", []string{filepath.Join(dir, "nothing"), out, "--to", "hf"}},
		{exitModel, "layer scale", []string{filepath.Join(root, "clip-odd"), out, "--to", "hf"}},
		{exitModel, "not a finite number", []string{spoiled, out, "--to", "open_clip"}},
		{exitModel, "missing: ", []string{"ViT-B-32", out, "--to", "hf", "--pretrained", filepath.Join(plain, weightsFile)}},
	} {
		r := clipgo(t, append([]string{"convert"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) || strings.Count(strings.TrimSpace(r.err), "\n") > 0 {
			t.Errorf("%v: exit %d, want %d and %q: %s", c.args, r.code, c.code, c.want, r.err)
		}
		if exists(out) {
			t.Errorf("%v: left a folder behind", c.args)
		}
	}
	if string(read(t, full, "mine.txt")) != "keep" {
		t.Error("a file that was there is gone")
	}
}

func TestConvertNeedsNoLibtorch(t *testing.T) {
	c := process(t, "convert", filepath.Join(golden.Dir(t, "model"), "clip-gelu"), filepath.Join(t.TempDir(), "out"), "--to", "hf", "--dtype", "bf16")
	c.Env = append(c.Env, "CLIPGO_LIBTCH=/nowhere/libtch.so")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// readers is a program that opens our folders with the libraries that they are for, and tells the features of a fixture's
// inputs, or the ids of captions.
const readers = `
import json, logging, sys
import torch
import open_clip
from safetensors.torch import load_file
from transformers import AutoTokenizer, CLIPModel, CLIPProcessor
logging.disable(logging.WARNING)
torch.set_num_threads(1)
captions = ["a photo of a cat, isn't it?", "Two  DOGS 1234 on \u00e9 the <b> gr\u00e4ss \U0001f600"]

def features(job):
    x = load_file(job["inputs"])
    with torch.no_grad():
        if job["layout"] == "hf":
            m = CLIPModel.from_pretrained(job["folder"]).eval()
            y = m(input_ids=x["tokens"], pixel_values=x["images"])
            image, text = y.image_embeds, y.text_embeds
        else:
            m, _, _ = open_clip.create_model_and_transforms("local-dir:" + job["folder"])
            m.eval()
            image, text = m.encode_image(x["images"], normalize=True), m.encode_text(x["tokens"], normalize=True)
    return {"image": image.flatten().tolist(), "text": text.flatten().tolist()}

def prepared(job):
    if job["layout"] == "hf":
        p = CLIPProcessor.from_pretrained(job["folder"])
        ids = p.tokenizer(captions).input_ids
        assert ids == AutoTokenizer.from_pretrained(job["folder"])(captions).input_ids
        return {"ids": ids, "size": p.image_processor.crop_size["height"]}
    _, _, p = open_clip.create_model_and_transforms("local-dir:" + job["folder"])
    ids = open_clip.get_tokenizer("local-dir:" + job["folder"])(captions)
    return {"ids": [[i for i in row.tolist() if i] for row in ids], "size": p.transforms[0].size}

print(json.dumps([features(j) if j["inputs"] else prepared(j) for j in json.load(sys.stdin)]))
`

// reading is a folder for the readers, and what they made of it.
type reading struct {
	Layout string `json:"layout"`
	Folder string `json:"folder"`
	Inputs string `json:"inputs"` // of a fixture; empty: captions are wanted

	wants map[string]golden.Tensor
}

type seen struct {
	Image, Text []float32
	IDs         [][]int32
	Size        int
}

// readBy runs the readers; the test is skipped where Python or its libraries are not there.
func readBy(t *testing.T, jobs []reading) []seen {
	t.Helper()
	python := cmp.Or(os.Getenv("CLIPGO_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import torch, open_clip, transformers, safetensors").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("no Python with torch, open_clip and transformers (CLIPGO_PYTHON names one): %v %s", err, lines[len(lines)-1])
	}
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(python, "-c", readers)
	c.Dir, c.Stdin = t.TempDir(), bytes.NewReader(input)
	c.Env = append(os.Environ(), "HF_HUB_OFFLINE=1")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var got []seen
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &got); err != nil || len(got) != len(jobs) {
		t.Fatalf("%v: %s", err, out)
	}
	return got
}

// TestGoldenFoldersAreReadByTheirLibraries holds what open_clip and transformers make of our folders against the fixtures and
// against each other.
func TestGoldenFoldersAreReadByTheirLibraries(t *testing.T) {
	root, run := golden.Dir(t, "model"), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), run, "--steps", "1")...)
	var jobs []reading
	for _, to := range []string{"hf", "open_clip"} {
		add := func(from, inputs string, wants map[string]golden.Tensor) {
			out := filepath.Join(t.TempDir(), "out")
			must(t, "convert", from, out, "--to", to)
			jobs = append(jobs, reading{to, out, inputs, wants})
		}
		for _, name := range []string{"clip-gelu", "clip-quickgelu"} {
			from := map[string]string{"hf": name, "open_clip": filepath.Join(name, "hf")}[to]
			wants := golden.Tensors(t, filepath.Join(root, name, "outputs.safetensors"))
			add(filepath.Join(root, from), filepath.Join(root, name, "inputs.safetensors"), wants)
		}
		add(run, "", nil)
	}
	var ids [][][]int32
	for i, got := range readBy(t, jobs) {
		if jobs[i].Inputs != "" {
			golden.Close(t, jobs[i].Layout+" image", got.Image, jobs[i].wants["image_features"].F32, golden.Tol{Abs: 1e-5})
			golden.Close(t, jobs[i].Layout+" text", got.Text, jobs[i].wants["text_features"].F32, golden.Tol{Abs: 1e-5})
			continue
		}
		if got.Size != 32 {
			t.Errorf("%s: pictures of %d pixels, want 32", jobs[i].Layout, got.Size)
		}
		ids = append(ids, got.IDs)
	}
	for i := range ids[0] {
		if hf, oc := cut(ids[0][i]), cut(ids[1][i]); !slices.Equal(hf, oc) {
			t.Errorf("transformers %v, open_clip %v", hf, oc)
		}
	}
}

// cut takes what comes before the end of a context of 16, where open_clip cuts and transformers, unasked, does not.
func cut(ids []int32) []int32 { return ids[:min(len(ids), 15)] }
