package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// behaviour is a case of the fixtures: how CLIP_benchmark ends, with which numbers.
type behaviour struct {
	Case    string
	Exit    int
	Metrics map[string]any
}

// change edits a file of a set, or a member of its shards by their extension. It returns nil to leave it out.
type change map[string]func(name string, data []byte) []byte

func without(string, []byte) []byte { return nil }

func text(s string) func(string, []byte) []byte {
	return func(string, []byte) []byte { return []byte(s) }
}

// changed copies a set of the fixtures with changes.
func changed(t *testing.T, set string, c change) string {
	t.Helper()
	from, to := filepath.Join(golden.Dir(t, "benchmark"), "data", set), filepath.Join(t.TempDir(), set)
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data := golden.Read(t, path)
		if filepath.Ext(path) == ".tar" {
			data = changedShard(t, data, c)
		} else if edit := c[e.Name()]; edit != nil {
			if data = edit(e.Name(), data); data == nil {
				return nil
			}
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o777); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func changedShard(t *testing.T, data []byte, c change) []byte {
	t.Helper()
	var out bytes.Buffer
	w, r := tar.NewWriter(&out), tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if edit := c[filepath.Ext(h.Name)]; err == nil && edit != nil {
			if content = edit(h.Name, content); content == nil {
				continue
			}
		}
		h.Size = int64(len(content))
		if err == nil {
			err = w.WriteHeader(h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// once applies an edit to the first member that it sees.
func once(edit func(string, []byte) []byte) func(string, []byte) []byte {
	done := false
	return func(name string, data []byte) []byte {
		if done {
			return data
		}
		done = true
		return edit(name, data)
	}
}

// outcome is what clipgo does with a case.
type decision struct {
	set    string
	change change
	args   []string
	code   int
	says   string // in the messages
	// as names the fixture's result whose numbers it has, same says that they are CLIP_benchmark's for the case. Else none are compared.
	as   string
	same bool
}

const textile = "wds_textile"

// decisions are what clipgo does with CLIP_benchmark's cases, by the beginnings of names. docs/evaluation.md has the reasons.
var decisions = map[string]decision{
	"default --num_workers 4, one shard": {set: textile, args: []string{"--workers", "4"}, as: "zs-textile"},
	"nshards.txt is missing":             {set: "wds_emoji-cross", change: change{"nshards.txt": without}, as: "zs-emoji-cross"},
	"nshards.txt says 1":                 {set: "wds_emoji-cross", change: change{"nshards.txt": text("1")}, says: "left out", same: true},
	"classnames.txt is missing":          {set: textile, change: change{"classnames.txt": without}, code: 3, says: "classnames.txt is"},
	"classnames.txt ends with a blank": {
		set: textile, change: change{"classnames.txt": blankEnd}, says: "ends with 1 blank", as: "zs-textile",
	},
	"a label that no class has":        {set: textile, change: change{".cls": once(text("999"))}, code: 3, says: "label 999 is not"},
	"a picture that does not decode":   {set: textile, change: change{".jpg": once(half)}, code: 3, says: "0.tar/"},
	"a sample without a picture":       {set: textile, change: change{".jpg": once(without)}, code: 3, says: "no picture (webp, png"},
	"a sample without a label":         {set: textile, change: change{".cls": once(without)}, code: 3, says: "no label (cls)"},
	"a template with {} (open_clip's)": {set: textile, change: templates("{c}", "{}"), as: "zs-textile"},
	"a template without {c}":           {set: textile, change: templates("{c}", "it"), code: 3, says: "has no {c} for the class name"},
	"--recall_k beyond the number":     {set: "wds_scenes_captions", args: []string{"--recall-k", "100000"}, says: "1.0"},
	"retrieval data without --task":    {set: "wds_scenes_captions", args: []string{"--recall-k", "1,5,10"}, as: "ret-scenes_captions"},

	"multi-label data without dataset_type.txt": {
		set: "wds_scenes_multilabel", change: change{"dataset_type.txt": without}, as: "zs-scenes_multilabel",
	},
	"captioning with a model that has no decoder": {
		set: "wds_scenes_captions", args: []string{"--tasks", "captioning"}, code: 4, says: "no decoder",
	},
}

func blankEnd(_ string, data []byte) []byte { return append(bytes.TrimRight(data, "\n"), "\n\n"...) }

func half(_ string, data []byte) []byte { return data[:len(data)/2] }

func templates(from, to string) change {
	return change{"zeroshot_classification_templates.txt": func(_ string, data []byte) []byte {
		return bytes.ReplaceAll(data, []byte(from), []byte(to))
	}}
}

// TestGoldenBenchmarkBehaviour holds clipgo to what it has decided about the irregular cases on which CLIP_benchmark was run: the same, or
// something better with a message that says so.
func TestGoldenBenchmarkBehaviour(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	seen := 0
	for i, b := range golden.Lines[behaviour](t, filepath.Join(dir, "behaviour.jsonl")) {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // the names have commas, which lists of data sets can't have
			t.Log(b.Case)
			for name, d := range decisions {
				if strings.HasPrefix(b.Case, name) {
					seen++
					behaves(t, dir, b, d)
					return
				}
			}
			for name, check := range irregular {
				if strings.HasPrefix(b.Case, name) {
					seen++
					check(t, dir, b)
					return
				}
			}
			t.Error("there is no decision about it")
		})
	}
	if want := len(decisions) + len(irregular); seen != want {
		t.Errorf("%d cases of %d", seen, want)
	}
}

func behaves(t *testing.T, dir string, b behaviour, d decision) {
	t.Helper()
	out := t.TempDir()
	args := append([]string{"eval", "benchmark", "--models", filepath.Join(dir, "model"), "--data", changed(t, d.set, d.change),
		"--out", out, "--precision", "fp32"}, d.args...)
	r := clipgo(t, args...)
	found := globFiles(t, filepath.Join(out, "*.json"))
	numbers := ""
	if len(found) == 1 {
		numbers = string(golden.Read(t, found[0]))
	}
	if r.code != d.code || !strings.Contains(r.err+numbers, d.says) || (d.code == 0) != (len(found) == 1) {
		t.Fatalf("exit %d, want %d with %q:\n%s%s", r.code, d.code, d.says, r.err, numbers)
	}
	if d.as == "" && !d.same {
		return
	}
	got, err := clipbenchmark.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	want := b.Metrics
	if d.as != "" {
		want = metricsOf(t, filepath.Join(dir, "results", d.as+".json"))
	}
	for key, value := range want {
		v, _ := got.Value(key)
		if high, ok := value.(float64); ok && !(v.(float64) >= high-1e-6 && v.(float64) <= high+1e-6) {
			t.Errorf("%s is %v, want %v", key, v, value)
		}
	}
	if len(want) != len(got.Metrics) || b.Exit == 0 && d.as != "" && fmt.Sprint(want) != fmt.Sprint(b.Metrics) {
		t.Errorf("%v, want %v; CLIP_benchmark has %v", got.Metrics, want, b.Metrics)
	}
}

// metricsOf are a result's metrics as strict JSON gives them.
func metricsOf(t *testing.T, path string) map[string]any {
	t.Helper()
	r, err := clipbenchmark.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.JSON(true)
	if err != nil {
		t.Fatal(err)
	}
	var object struct{ Metrics map[string]any }
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	return object.Metrics
}
