package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// complete are the values that the shell is offered for the last argument.
func complete(t *testing.T, args ...string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(must(t, append([]string{"__complete"}, args...)...).out) {
		value, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, value)
	}
	return out
}

func TestValuesAreCompleted(t *testing.T) {
	dir := t.TempDir()
	csv := write(t, filepath.Join(dir, "a.csv"), "\ufefffile;text of it\r\na.png;x\r\n")
	lines := write(t, filepath.Join(dir, "a.jsonl"), `{"url": "a.png", "caption": "x"}`+"\n")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"train", "--model", "ViT-B-3"}, []string{"ViT-B-32", "ViT-B-32-quickgelu"}},
		{[]string{"train", "--train-data", "builtin:sh"}, []string{"builtin:shapes", "builtin:shapes-preferences"}},
		{[]string{"train", "--objective", ""}, []string{"clip", "siglip", "coca"}},
		{[]string{"train", "--precision", ""}, []string{"auto", "fp32", "bf16"}},
		{[]string{"zeroshot", "--device", ""}, []string{"cpu", "cuda"}},
		{[]string{"convert", "a", "b", "--to", ""}, []string{"open_clip", "hf"}},
		{[]string{"convert", "a", "b", "--dtype", ""}, []string{"bf16"}},
		{[]string{"embed", "--dtype", ""}, []string{"float16"}},
		{[]string{"train", "--train-data", csv, "--csv-img-key", ""}, []string{"file", "text of it"}},
		{[]string{"embed", lines, "--csv-caption-key", ""}, []string{"caption", "url"}},
		{[]string{"train", "--pretrained", ""}, []string{"safetensors", "pt", "bin", ":8"}}, // :8: files with these extensions
		{[]string{"train", "--out", ""}, []string{":16"}},                                   // :16: directories
		{[]string{"bench", ""}, []string{"train", "embed", "load"}},
		{[]string{"info", "ViT-Na"}, []string{"ViT-Nano-16-64"}},
	} {
		got := complete(t, c.args...)
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%q: %q, want %q among them", c.args, got, want)
			}
		}
	}
	if got := complete(t, "train", "--batch-size", ""); !slices.Contains(got, "auto") {
		t.Errorf("%q", got)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := must(t, "completion", shell); !strings.Contains(r.out, "__complete") {
			t.Errorf("%s: no script", shell)
		}
	}
}

// Every command has a page with all of its flags, and the same program writes the same pages.
func TestManualPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	a, b := t.TempDir(), t.TempDir()
	must(t, "man", a)
	must(t, "man", b)
	for _, name := range []string{"clipgo", "clipgo-train", "clipgo-eval-retrieval", "clipgo-align-ppo", "clipgo-completion-bash"} {
		text := string(read(t, a, name+".1"))
		if text != string(read(t, b, name+".1")) {
			t.Errorf("%s differs between two runs", name)
		}
		for _, want := range []string{".TH \"" + strings.ToUpper(name) + `" "1" "1970-01-02"`, ".SH NAME\n", ".SH OPTIONS", `\-\-json`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s.1 has no %q", name, want)
			}
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, ".") && !strings.HasPrefix(line, ".TP") && !slices.Contains(strings.Fields(
				".TH .SH .SS .PP .B .I .BR .EX .EE"), strings.Fields(line)[0]) || strings.HasPrefix(line, "'") {
				t.Errorf("%s.1: %q is no request", name, line)
			}
		}
	}
	if text := string(read(t, a, "clipgo-train.1")); !strings.Contains(text, `\fB\-\-beta1\fR \fIx\fR`) {
		t.Error("clipgo-train.1 lacks --beta1")
	}
	if r := clipgo(t, "man", write(t, filepath.Join(t.TempDir(), "f"), "")); r.code != exitUsage {
		t.Errorf("a file: exit %d: %s", r.code, r.err)
	}
}
