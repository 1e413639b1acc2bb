package benchmark

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/pretrained"
)

// classFolders is a folder with two classes of three made pictures each; damaged adds a file that is no picture.
func classFolders(t *testing.T, damaged bool) string {
	t.Helper()
	dir := t.TempDir()
	write := func(class, name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, class), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, class, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		im := image.NewRGBA(image.Rect(0, 0, 24, 24))
		for p := range im.Pix {
			im.Pix[p] = uint8(p * (i + 3))
			if p%4 == 3 {
				im.Pix[p] = 255
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			t.Fatal(err)
		}
		write([]string{"a cat", "a dog"}[i%2], fmt.Sprint(i, ".png"), b.Bytes())
	}
	if damaged {
		write("a cat", "zz.png", []byte("no picture"))
	}
	return dir
}

// Tasks that need labels and tasks that need captions share the pictures of a model: each is embedded once, and the results are those of
// suites with one task each.
func TestAPictureIsEmbeddedOnce(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		dir := classFolders(t, damaged)
		run := func(names ...string) (string, map[string]int64) {
			s := smallSuite(t, t.TempDir())
			d, err := Open("pets="+dir, datasets.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s.Data, s.Tasks, s.Settings.MaxSkip = []*Data{d}, names, 0.5
			seen := map[string]int64{}
			s.Progress = func(c Cell, _ string, done, _ int64) { seen[c.Task] = done }
			if err := s.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			return s.Out, seen
		}
		both, seen := run(ZeroShot, Retrieval)
		skipped := map[bool]int{false: 0, true: 2}[damaged] // one of each task
		if o, err := WriteTable(both); err != nil || strings.Count(strings.Join(o.Lines(), "\n"), ", 1 samples skipped") != skipped {
			t.Errorf("damaged %v: %v", damaged, err)
		} else if text, err := json.Marshal(o.Entries); err != nil || strings.Count(string(text), `"skipped":1}`) != skipped {
			t.Errorf("damaged %v: %s, %v", damaged, text, err)
		}
		if seen[ZeroShot] == 0 || seen[Retrieval] != 0 {
			t.Errorf("samples that passed the model: %v", seen)
		}
		for _, task := range []string{ZeroShot, Retrieval} {
			alone, _ := run(task)
			got, want := files(t, both), files(t, alone)
			for name, text := range want {
				if got[name] != text {
					t.Errorf("damaged %v: %s:\n%.400s\nwant\n%.400s", damaged, name, got[name], text)
				}
			}
		}
	}
}

// A picture that one need leaves out and another has is embedded when it is asked for.
func TestOnlyWhatIsMissingIsEmbedded(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	d, err := Open("pets="+classFolders(t, false), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &candidate{suite: s, name: s.Models[0]}
	if _, err := m.fingerprint(context.Background()); err != nil {
		t.Fatal(err)
	}
	embedder, err := m.open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer m.free()
	sh := &shared{data: d}
	passed := int64(0)
	view := func(need datasets.Need) *features {
		f := sh.view(embedder, need)
		f.seen = func(_ string, done, _ int64) { passed = done }
		return f
	}
	whole, _, err := view(datasets.NeedLabels).of(context.Background(), TestSplit)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]float32(nil), whole.Images...)
	cut := &pretrained.Features{Index: whole.Index[1:], Entries: whole.Entries[1:]}
	cut.Dim, cut.Images, cut.Norms = whole.Dim, whole.Images[whole.Dim:], whole.Norms[1:]
	sh.views[datasets.NeedLabels].splits[TestSplit] = cut
	passed = 0
	got, _, err := view(datasets.NeedCaptions).of(context.Background(), TestSplit)
	if err != nil || passed != 0 || len(got.Images) != len(want) || len(got.Captions) != len(got.Index) {
		t.Fatalf("%d values, want %d; %d passed; %v", len(got.Images), len(want), passed, err)
	}
	if !slices.Equal(got.Norms, whole.Norms) {
		t.Errorf("norms %v, want %v", got.Norms, whole.Norms)
	}
	for i, v := range want {
		if got.Images[i] != v && i >= got.Dim {
			t.Fatalf("value %d is %v, want %v", i, got.Images[i], v)
		}
	}
}
