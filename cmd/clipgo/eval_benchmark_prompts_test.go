package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/npy"
)

// Names and prompts that can't be meant are one line with the way out; what is only odd is noted, in the log and in the details.
func TestNamesAndPromptsThatDoNotFit(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	classes := strings.Fields(strings.ReplaceAll(string(golden.Read(t, filepath.Join(dir, "data", textile, "classnames.txt"))), " ", "_"))
	n := len(classes)
	list := func(names ...string) string {
		data, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	file := func(text string) string { return write(t, filepath.Join(t.TempDir(), "list.json"), text) }
	names := func(text string) []string { return []string{"--custom-classname-file", file(text)} }
	prompts := func(text string) []string { return []string{"--custom-template-file", file(text)} }
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{3, fmt.Sprintf("its label %d is not below the number of class names, %d", n-1, n-1), names(list(classes[1:]...))},
		{2, "--custom-classname-file: ", names(`{"other": ["a", "b", "c"]}`)},
		{2, "it has no class names for wds/textile or textile", names(`{"other": ["a", "b", "c"]}`)},
		{2, "is not a list of strings", names(`{"textile": "abc"}`)},
		{2, "no such file", []string{"--custom-classname-file", "absent.json"}},
		{2, `line 1: template "a photo" has no {}`, prompts(`["a photo"]`)},
		{2, `textile: template 2, "b", has no {c}`, prompts(`{"textile": ["{c}", "b"]}`)},
		{2, `no prompts for the class`, prompts(`{"textile": {"x": ["y"]}}`)},
		{2, `no templates for wds/textile or textile or imagenet1k`, prompts(`{"other": ["{c}"]}`)},
		{2, "no such file", []string{"--custom-template-file", "absent.json"}},
		{2, "not a .npy file; a classifier of PyTorch is written as one", []string{"--load-clfs", file("PK and other bytes")}},
		{2, "is a classifier of 1 classes with 2 features", []string{"--load-clfs", file(string(npy.EncodeMatrix([]float32{1, 2}, 2, 1)))}},
		{2, "it is one file, but 1 models on 2 data sets", []string{
			"--save-clf", "a.npy", "--data", filepath.Join(dir, "data", textile) + ",again=" + filepath.Join(dir, "data", textile)}},
		{2, "has no split dev", []string{"--split", "dev"}},
		{0, "occurs twice, as classes 0 and ", names(list(append(classes[:n-1:n-1], classes[0])...))},
		{0, fmt.Sprintf("1 of %d classes have no sample", n+1), names(list(append(classes[:n:n], "more")...))},
		{0, "class names are blank: each is", names(`{"textile": ` + list(append(classes[:n-1:n-1], "")...) + "}")},
		{0, "has no templates for wds/textile; those for imagenet1k are used", prompts(`{"imagenet1k": ["a {}"]}`)},
	} {
		out := t.TempDir()
		args := append([]string{"eval", "benchmark", "--models", filepath.Join(dir, "model"),
			"--data", filepath.Join(dir, "data", textile), "--out", out, "--precision", "fp32"}, c.args...)
		r := clipgo(t, args...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit %d, want %d with %q:\n%s", c.args, r.code, c.code, c.want, r.err)
		}
		if c.code == 0 {
			details := globFiles(t, filepath.Join(out, "details", "*.json"))
			if len(details) != 1 || !strings.Contains(string(golden.Read(t, details[0])), strings.ReplaceAll(c.want, `"`, `\"`)) {
				t.Errorf("%v: %q is not in the details", c.args, c.want)
			}
		}
	}
}

// Class folders with ids for names are said, and so are splits taken for classes.
func TestFoldersThatHardlyNameClasses(t *testing.T) {
	dir := t.TempDir()
	samples, _ := written(t, textile, 0, func(i, label int) string {
		return filepath.Join(dir, "ids", "n0"+string(rune('1'+label%2))+"440764", strings.Repeat("x", i+1))
	})
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	r := clipgo(t, "eval", "benchmark", "--models", filepath.Join(golden.Dir(t, "benchmark"), "model"), "--data", filepath.Join(dir, "ids"),
		"--out", filepath.Join(dir, "out"), "--precision", "fp32")
	if r.code != 0 || !strings.Contains(r.err, "the class folders look like ids") || !strings.Contains(r.err, "has no templates") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
