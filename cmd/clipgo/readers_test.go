package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// readers is a program that opens our folders with open_clip and transformers.
//
//go:embed testdata/readers.py
var readers string

// reading is a folder for the readers, and what is wanted of it.
type reading struct {
	Layout   string   `json:"layout"`
	Folder   string   `json:"folder"`
	Inputs   string   `json:"inputs"` // of a fixture; empty: captions are read
	Captions []string `json:"captions"`
	Pictures []string `json:"pictures"` // files
}

// seen is what a library made of a folder.
type seen struct {
	Image, Text []float32
	IDs         [][]int32
	Size        int
	Cosines     [][]float32 // of captions and pictures
}

// readBy runs the readers; the test is skipped where Python or its libraries are not there.
func readBy(t *testing.T, jobs []reading) []seen {
	t.Helper()
	python := cmp.Or(os.Getenv("CLIPGO_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c",
		"import torch, open_clip, transformers, safetensors, sentencepiece").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("no Python with torch, open_clip, transformers and sentencepiece (CLIPGO_PYTHON names one): %v %s", err,
			lines[len(lines)-1])
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

// rewritten converts a model into a new folder.
func rewritten(t *testing.T, from, to string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	must(t, "convert", from, out, "--to", to)
	return out
}

// TestGoldenFoldersAreReadByTheirLibraries holds the features that open_clip and transformers make with our folders against the
// fixtures. Each folder is made from the other layout.
func TestGoldenFoldersAreReadByTheirLibraries(t *testing.T) {
	root := golden.Dir(t, "model")
	var jobs []reading
	var fixtures []string
	for _, c := range []struct{ fixture, from, to string }{
		{"clip-gelu", ".", "hf"},
		{"clip-gelu", "hf", "open_clip"},
		{"clip-quickgelu", ".", "hf"},
		{"clip-quickgelu", "hf", "open_clip"},
		{"siglip-tiny", ".", "hf"},
		{"siglip-tiny", ".", "open_clip"},
	} {
		from := filepath.Join(root, c.fixture, c.from)
		jobs = append(jobs, reading{Layout: c.to, Folder: rewritten(t, from, c.to),
			Inputs: filepath.Join(root, c.fixture, "inputs.safetensors")})
		fixtures = append(fixtures, c.fixture)
	}
	for i, got := range readBy(t, jobs) {
		want := golden.Tensors(t, filepath.Join(root, fixtures[i], "outputs.safetensors"))
		what := jobs[i].Layout + " " + fixtures[i]
		golden.Close(t, what+" image", got.Image, want["image_features"].F32, golden.Tol{Abs: 1e-5})
		golden.Close(t, what+" text", got.Text, want["text_features"].F32, golden.Tol{Abs: 1e-5})
	}
}

// TestCaptionsAndPicturesReachBothLibrariesAlike reads a run's folders: the tokenizer's files and the preprocessing.
func TestCaptionsAndPicturesReachBothLibrariesAlike(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), run, "--steps", "1")...)
	captions := []string{"a photo of a cat, isn't it?", "Two  DOGS 1234 on \u00e9 the <b> gr\u00e4ss \U0001f600"}
	var jobs []reading
	for _, to := range []string{"hf", "open_clip"} {
		jobs = append(jobs, reading{Layout: to, Folder: rewritten(t, run, to), Captions: captions})
	}
	got := readBy(t, jobs)
	for i, g := range got {
		if g.Size != 32 {
			t.Errorf("%s: pictures of %d pixels, want 32", jobs[i].Layout, g.Size)
		}
	}
	for i := range captions {
		if hf, oc := cut(got[0].IDs[i]), cut(got[1].IDs[i]); !slices.Equal(hf, oc) {
			t.Errorf("transformers %v, open_clip %v", hf, oc)
		}
	}
}

// cut takes the ids before padding and before the end of a context of 16, where open_clip cuts and transformers, unasked, does not.
func cut(ids []int32) []int32 {
	end := slices.Index(ids, slices.Max(ids))
	return ids[:min(end+1, 15)]
}

// TestGoldenSigLIPFoldersSearchInTheirLibraries goes from captions and JPEG files to cosines in both libraries, with our folders.
func TestGoldenSigLIPFoldersSearchInTheirLibraries(t *testing.T) {
	model, pictures, want := siglipFolder(t)
	var files []string
	for _, name := range want.Pictures {
		files = append(files, filepath.Join(pictures, name))
	}
	var jobs []reading
	for _, to := range []string{"hf", "open_clip"} {
		jobs = append(jobs, reading{Layout: to, Folder: rewritten(t, model, to), Captions: want.Captions, Pictures: files})
	}
	for i, got := range readBy(t, jobs) {
		if got.Size != 32 {
			t.Errorf("%s: pictures of %d pixels, want 32", jobs[i].Layout, got.Size)
		}
		for k, caption := range want.Captions {
			golden.Close(t, jobs[i].Layout+" "+caption, got.Cosines[k], want.Cosines[k], golden.Tol{Abs: 1e-5})
		}
	}
}
