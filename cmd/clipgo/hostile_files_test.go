package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// gigabytes makes a file of 4 GB that takes no space on the disk.
func gigabytes(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(4 << 30)
	}
	if err != nil {
		t.Skip(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// pipe makes a pipe that nobody writes to.
func pipe(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
}

// refusedSmall runs a command line, which has to fail with a code and one line that names the file, without much memory.
func refusedSmall(t *testing.T, code int, path string, args ...string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := clipgo(t, args...)
	runtime.ReadMemStats(&after)
	used := (after.TotalAlloc - before.TotalAlloc) >> 20
	if r.code != code || !strings.Contains(r.err, filepath.Base(path)) || strings.Count(r.err, "clipgo: ") != 1 || len(r.err) > 1000 ||
		used > 300 {
		t.Errorf("%s: exit %d, want %d; %d MB: %.2000s", path, r.code, code, used, r.err)
	}
}

func TestGoldenModelFilesWithoutEndAreRefused(t *testing.T) {
	picture := filepath.Join(pairs(t, 1), "p000.png")
	hf := filepath.Join(golden.Dir(t, "model"), "clip-gelu", "hf")
	for _, name := range []string{"config.json", "preprocessor_config.json", "tokenizer_config.json", "spiece.model",
		pretrained.PromptsFile, pretrained.ModelConfigFile, pretrained.RunFile} {
		for kind, spoil := range map[string]func(*testing.T, string){"4 GB": gigabytes, "pipe": pipe} {
			t.Run(name+" "+kind, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(hf)); err != nil {
					t.Fatal(err)
				}
				spoil(t, filepath.Join(dir, name))
				refusedSmall(t, exitModel, filepath.Join(dir, name), "zeroshot", picture, "--classes", "a,b", "--model", dir)
			})
		}
	}
}

func TestUserFilesWithoutEndAreRefused(t *testing.T) {
	picture := filepath.Join(pairs(t, 1), "p000.png")
	for kind, spoil := range map[string]func(*testing.T, string){"4 GB": gigabytes, "pipe": pipe} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			config, classes := filepath.Join(dir, "m.json"), filepath.Join(dir, "classes.txt")
			spoil(t, config)
			spoil(t, classes)
			refusedSmall(t, exitUsage, config, "zeroshot", picture, "--classes", "a,b", "--model", config)
			refusedSmall(t, exitUsage, config, "info", config)
			refusedSmall(t, exitUsage, classes, "zeroshot", picture, "--model", "ViT-Nano-16-64", "--classes", classes)
			refusedSmall(t, exitUsage, classes, "zeroshot", picture, "--model", "ViT-Nano-16-64", "--classes", "a,b",
				"--templates", classes)
		})
	}
}

func TestRunsWithFilesWithoutEndAreRefused(t *testing.T) {
	torchtest.Need(t)
	run := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), run, "--steps", "2")...)
	for _, name := range []string{"run.json", "metrics.jsonl", "evaluations.jsonl", "skipped.jsonl", "checkpoints/step-00000002/MANIFEST"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(dir, os.DirFS(run)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, filepath.FromSlash(name))
			gigabytes(t, path)
			refusedSmall(t, exitModel, path, "train", "--resume", "latest", "--out", dir)
		})
	}
}

// prompts.json of a folder decides the answers. One that can't be used is an error, not a reason to take others.
func TestGoldenDamagedPromptsAreRefused(t *testing.T) {
	picture := filepath.Join(pairs(t, 1), "p000.png")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(golden.Dir(t, "model"), "clip-gelu", "hf"))); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		`{"templates": ["a photo of a`:         "not JSON",
		`{"templates": ["no braces"]}`:         "has no {}",
		`{"templates": []}`:                    "no templates",
		`{"query": "a photo", "document": ""}`: "no templates",
		`{"templates": "a {}"}`:                "templates: it is text, not a list",
		`{"templates": ["a {}\nb {}"]}`:        "more than one line",
	} {
		path := write(t, filepath.Join(dir, pretrained.PromptsFile), content)
		for _, args := range [][]string{{"zeroshot", picture, "--classes", "a,b", "--model", dir}, {"info", dir}} {
			r := clipgo(t, args...)
			if r.code != exitModel || !strings.Contains(r.err, path) || !strings.Contains(r.err, want) {
				t.Errorf("%s: exit %d, want %q: %s", content, r.code, want, r.err)
			}
		}
	}
	write(t, filepath.Join(dir, pretrained.PromptsFile), `{"templates": ["a {}"]}`)
	must(t, "info", dir)
}
