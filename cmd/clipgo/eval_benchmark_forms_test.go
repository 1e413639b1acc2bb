package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// sampleFile is a sample of a set whose picture was written into a file.
type sampleFile struct {
	path     string
	label    int
	captions []string
}

// written writes the pictures of a set of the fixtures into a folder.
func written(t *testing.T, set string, need datasets.Need, name func(i, label int) string) (samples []sampleFile, classes []string) {
	t.Helper()
	src, err := datasets.Open(t.Context(), filepath.Join(golden.Dir(t, "benchmark"), "data", set), datasets.Options{
		Need: need, Evaluation: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for i := range src.Len() {
		e, err := src.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := src.Picture(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		path := name(i, e.Label) + filepath.Ext(e.Key)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, picture.File, 0o600); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sampleFile{path, e.Label, e.Captions})
	}
	return samples, src.Info().Classes
}

// measuredSet is the result of a set by its metrics.
func measuredSet(t *testing.T, place string, args ...string) string {
	t.Helper()
	out := t.TempDir()
	model := filepath.Join(golden.Dir(t, "benchmark"), "model")
	must(t, append([]string{"eval", "benchmark", "--models", model, "--data", place, "--out", out, "--precision", "fp32", "--quiet"},
		args...)...)
	found := globFiles(t, filepath.Join(out, "*.json"))
	if len(found) != 1 {
		t.Fatalf("%s: %d results", place, len(found))
	}
	r, err := clipbenchmark.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(r.Task, r.Metrics)
}

// csvFile writes a table.
func csvFile(t *testing.T, path string, rows [][]string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func jsonFile(t *testing.T, path string, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, path, string(data))
}

// A set of classes has the same numbers in every form: shards, class folders by name or by id, tables, Parquet.
func TestClassesInEveryForm(t *testing.T) {
	dir := t.TempDir()
	templates := write(t, filepath.Join(dir, "templates.json"), `["a photo of {c}", "{}"]`)
	set := filepath.Join(golden.Dir(t, "benchmark"), "data", "wds_textile")
	_, classes := written(t, "wds_textile", datasets.NeedLabels, func(i, label int) string {
		return filepath.Join(dir, "ids", fmt.Sprintf("n0%d", label), strconv.Itoa(i))
	})
	samples, _ := written(t, "wds_textile", datasets.NeedLabels, func(i, label int) string {
		return filepath.Join(dir, "names", strings.ReplaceAll(classes[label], " ", "_"), strconv.Itoa(i))
	})
	var names, ids strings.Builder
	numbers, texts := [][]string{{"filepath", "label"}}, [][]string{{"filepath", "label"}}
	var lines strings.Builder
	for i, class := range classes {
		fmt.Fprintln(&names, class)
		fmt.Fprintf(&ids, "n0%d %s\n", i, class)
	}
	for _, s := range samples {
		numbers = append(numbers, []string{s.path, strconv.Itoa(s.label)})
		texts = append(texts, []string{s.path, classes[s.label]})
		fmt.Fprintf(&lines, "{\"image\": %q, \"label\": %q}\n", s.path, classes[s.label])
	}
	write(t, filepath.Join(dir, "ids", "classnames.txt"), ids.String())
	if err := os.Mkdir(filepath.Join(dir, "numbers"), 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "numbers", "classnames.txt"), names.String())
	must(t, "pack", filepath.Join(dir, "names"), filepath.Join(dir, "packed"), "--format", "parquet", "--quiet")
	want := measuredSet(t, set, "--custom-template-file", templates)
	for _, place := range []string{
		filepath.Join(dir, "ids"), filepath.Join(dir, "names"), csvFile(t, filepath.Join(dir, "numbers", "a.csv"), numbers),
		csvFile(t, filepath.Join(dir, "texts.csv"), texts), write(t, filepath.Join(dir, "a.jsonl"), lines.String()),
		filepath.Join(dir, "packed"),
	} {
		if got := measuredSet(t, place, "--custom-template-file", templates); got != want {
			t.Errorf("%s: %s, want %s", place, got, want)
		}
	}
}

// A retrieval set has the same numbers in every form: shards, COCO's captions, Karpathy's split, Flickr's table, JSON lines, Parquet.
func TestCaptionsInEveryForm(t *testing.T) {
	dir := t.TempDir()
	samples, _ := written(t, "wds_scenes_captions", datasets.NeedCaptions, func(i, _ int) string {
		return filepath.Join(dir, "val2017", fmt.Sprintf("%05d", i))
	})
	var images, annotations, split []map[string]any
	flickr, lines := [][]string{{"image", "caption"}}, strings.Builder{}
	for i, s := range samples {
		images = append(images, map[string]any{"id": 100 + i, "file_name": filepath.Base(s.path)})
		var sentences []map[string]any
		for _, caption := range s.captions {
			annotations = append(annotations, map[string]any{"image_id": 100 + i, "id": len(annotations), "caption": caption})
			sentences = append(sentences, map[string]any{"raw": caption})
			flickr = append(flickr, []string{filepath.Base(s.path), caption})
		}
		split = append(split, map[string]any{
			"filepath": "val2017", "filename": filepath.Base(s.path), "split": "test", "sentences": sentences,
		}, map[string]any{
			"filepath": "val2017", "filename": filepath.Base(s.path), "split": "train", "sentences": sentences[:1],
		})
		data, err := json.Marshal(map[string]any{"image": s.path, "captions": s.captions})
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(data, '\n'))
	}
	if err := os.Mkdir(filepath.Join(dir, "annotations"), 0o777); err != nil {
		t.Fatal(err)
	}
	table := csvFile(t, filepath.Join(dir, "val2017", "captions.txt.csv"), flickr)
	must(t, "pack", table, filepath.Join(dir, "packed"), "--format", "parquet", "--quiet")
	want := measuredSet(t, filepath.Join(golden.Dir(t, "benchmark"), "data", "wds_scenes_captions"))
	for _, place := range []string{
		jsonFile(t, filepath.Join(dir, "annotations", "captions_val2017.json"),
			map[string]any{"images": images, "annotations": annotations}),
		jsonFile(t, filepath.Join(dir, "dataset.json"), map[string]any{"images": split}) + "?split=test",
		table, write(t, filepath.Join(dir, "a.jsonl"), lines.String()), filepath.Join(dir, "packed"),
	} {
		if got := measuredSet(t, place); got != want {
			t.Errorf("%s: %s, want %s", place, got, want)
		}
	}
}
