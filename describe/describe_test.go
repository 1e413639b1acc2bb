package describe

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/search"
)

// write makes a file in a new folder and returns the folder.
func write(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func index(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w, err := search.Update(dir, search.Space{Fingerprint: "f", Model: "a model", Dim: 2})
	if err == nil {
		err = errors.Join(w.Add(search.Row{File: search.File{Path: "a.jpg"}, Image: []float32{1, 0}}), w.Commit(), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// nothing finds no model, and says that it was asked.
func nothing(asked *bool) Options {
	return Options{Find: func(_ context.Context, name string) (pretrained.Source, error) {
		*asked = true
		return pretrained.Source{}, &model.UnknownModelError{Name: name}
	}}
}

func TestContentDecidesWhatAThingIs(t *testing.T) {
	table := filepath.Join(write(t, "a.csv", "filepath,title\na.jpg,a cat\n"), "a.csv")
	if err := os.WriteFile(filepath.Join(filepath.Dir(table), "a.jpg"), []byte("not opened"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		thing, line, json string
		model             bool // whether a model was looked for
	}{
		"index": {index(t), "rows         1 live of 1, in 1 segments", `"live":1`, false},
		"data":  {table, "samples      1, 1 usable", `"usable":1`, true},
	} {
		asked := false
		d, err := Thing(t.Context(), c.thing, nothing(&asked))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		data, err := json.Marshal(d)
		lines := strings.Join(d.Lines(), "\n")
		if err != nil || !strings.Contains(string(data), c.json) || !strings.Contains(lines, c.line) || asked != c.model {
			t.Errorf("%s: %s, %v, looked for a model: %t\n%s", name, data, err, asked, lines)
		}
	}
	d, err := Thing(t.Context(), "ViT-B-32", Options{})
	if m, ok := d.(pretrained.Description); err != nil || !ok || m.Parameters != 151277313 {
		t.Errorf("a model: %v, %v", d, err)
	}
}

func TestWhatCannotBeDescribedIsAnError(t *testing.T) {
	damaged := index(t)
	tables, _ := filepath.Glob(filepath.Join(damaged, "img_emb", "*.npy"))
	if err := os.Truncate(tables[0], 10); err != nil {
		t.Fatal(err)
	}
	early := write(t, pretrained.RunFile, "{}")
	if err := os.WriteFile(filepath.Join(early, "metrics.jsonl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		thing, want string
		kind        fault.Kind
	}{
		"a damaged index":          {damaged, "img_emb_0.npy", fault.Model},
		"a run without checkpoint": {early, "no checkpoint yet", fault.Model},
		"what doesn't exist":       {filepath.Join(t.TempDir(), "none"), "none", fault.Usage},
	} {
		asked := false
		d, err := Thing(t.Context(), c.thing, nothing(&asked))
		if err == nil || fault.Of(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v (%v)", name, d, err, fault.Of(err))
		}
	}
	refused := Options{Find: func(context.Context, string) (pretrained.Source, error) {
		return pretrained.Source{}, fault.Setting("model", "refused")
	}}
	var e *fault.Error
	if _, err := Thing(t.Context(), t.TempDir(), refused); !errors.As(err, &e) || e.Key != "" || e.Reason != "refused" {
		t.Errorf("a refused model: %v", err)
	}
}

func TestConfigsAreTheSmallestFirst(t *testing.T) {
	all, err := Configs()
	if err != nil || len(all) != len(model.Configs()) {
		t.Fatalf("%d configs, %v", len(all), err)
	}
	for i := range all[1:] {
		if all[i].Parameters > all[i+1].Parameters {
			t.Errorf("%s is before %s", all[i].Name, all[i+1].Name)
		}
	}
}
