package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
)

// renamed writes a fixture's tensors under other names, and others beside them.
func renamed(t *testing.T, src Set, rename func(string) []string, others ...string) string {
	t.Helper()
	var all []safetensors.Tensor
	for _, name := range src.Names() {
		for _, other := range rename(name) {
			tensor, _ := src.Tensor(name)
			tensor.Name = other
			all = append(all, tensor)
		}
	}
	for _, name := range others {
		one := floats32([]int64{1}, 1)
		one.Name = name
		all = append(all, one)
	}
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(f, all, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A model is found under any prefix that its tensors share, in each layout.
func TestGoldenCommonPrefixesAreCut(t *testing.T) {
	for _, folder := range []string{"clip-gelu", "clip-gelu/hf", "siglip-tiny", "coca-tiny"} {
		want := openFixture(t, filepath.Join(golden.Dir(t, "model"), filepath.FromSlash(folder)))
		src := fileOf(t, want.File)
		for _, c := range []struct{ before, note string }{
			{"", ""}, {"module.", ""}, {"module._orig_mod.", ""},
			{"model.", `"model."`}, {"clip_model.", `"clip_model."`}, {"module.model._orig_mod.clip.", `"model.clip."`},
		} {
			got := openFixture(t, renamed(t, src, func(name string) []string { return []string{c.before + name} }))
			sameTensors(t, got, want)
			notes := strings.Join(got.Notes, "; ")
			if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
				t.Errorf("%s under %q: %q", folder, c.before, notes)
			}
		}
	}
}

func TestGoldenTensorsBesideThePartAreCounted(t *testing.T) {
	want := openFixture(t, filepath.Join(golden.Dir(t, "model"), "clip-gelu"))
	path := renamed(t, want, func(name string) []string { return []string{"model." + name} }, "head.weight", "head.bias")
	got := openFixture(t, path)
	sameTensors(t, got, want)
	if notes := strings.Join(got.Notes, "; "); !strings.Contains(notes, "2 tensors beside the model are passed over") ||
		!strings.Contains(notes, "head.") {
		t.Error(notes)
	}
}

// A file with a student and a teacher is not one model. One whose own names have no prefix is, and what is too much is reported later.
func TestGoldenTwoModelsInAFileAreRefused(t *testing.T) {
	src := openFixture(t, filepath.Join(golden.Dir(t, "model"), "clip-gelu"))
	_, err := Open(renamed(t, src, func(name string) []string { return []string{"model." + name, "teacher." + name} }))
	if err == nil || !strings.Contains(err.Error(), `["model." "teacher."]`) {
		t.Errorf("%v", err)
	}
	c := openFixture(t, renamed(t, src, func(name string) []string { return []string{name, "teacher." + name} }))
	if n := len(src.Names()); len(c.Names()) != 2*n || len(c.Notes) > 0 {
		t.Errorf("%d of %d names, %q", len(c.Names()), 2*n, c.Notes)
	}
}

// A folder of sentence-transformers has the model in a folder of its own.
func TestGoldenFolderOfSentenceTransformers(t *testing.T) {
	want := openFixture(t, filepath.Join(golden.Dir(t, "model"), "clip-gelu", "hf"))
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "0_CLIPModel"), os.DirFS(want.Dir)); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "modules.json")
	write(t, list, []byte(`[{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]`))
	got := openFixture(t, dir)
	sameTensors(t, got, want)
	if got.Dir != filepath.Join(dir, "0_CLIPModel") || !strings.Contains(strings.Join(got.Notes, "; "), "0_CLIPModel") {
		t.Errorf("%s, %q", got.Dir, got.Notes)
	}
	for content, problem := range map[string]string{
		`[{"path": "../x", "type": "a.CLIPModel"}]`:        "not a folder beside it",
		`[{"path": "/etc", "type": "a.CLIPModel"}]`:        "not a folder beside it",
		`[{"path": "1_CLIPModel", "type": "a.CLIPModel"}]`: "1_CLIPModel",
		`[{"path": "", "type": "a.Transformer"}]`:          `"Transformer"`,
		`{"a": 1}`: "not a list of modules",
		`[{"path": "0_CLIPModel", "type": ["a.CLIPModel"]}]`: "not a list of modules",
	} {
		write(t, list, []byte(content))
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), list) ||
			strings.Contains(err.Error(), "Go ") {
			t.Errorf("%s: %v", content, err)
		}
	}
}
