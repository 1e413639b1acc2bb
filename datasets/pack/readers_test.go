package pack

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/vision/preprocess"
)

//go:embed testdata/readers.py
var readers string

// read runs one of the readers in Python on a folder; the test is skipped where its library isn't there.
func read(t *testing.T, folder, reader, library string, into any) {
	t.Helper()
	python := cmp.Or(os.Getenv("CLIPGO_PYTHON"), "python3")
	if out, err := exec.Command(python, "-c", "import "+library).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("no Python with %s (CLIPGO_PYTHON names one): %v %s", library, err, lines[len(lines)-1])
	}
	c := exec.Command(python, "-c", readers, folder, reader)
	c.Dir, c.Stderr = t.TempDir(), os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", reader, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("%s: %v: %.300s", reader, err, out)
	}
}

// readSample is a sample as a reader saw it.
type readSample struct {
	Key, Text, Pixels string
	All               []string
	Label             *int
}

// wanted are the samples that a reader of a source without losses is to see.
func wanted(t *testing.T, f *fake) (out []readSample) {
	t.Helper()
	for i, s := range f.samples {
		if _, err := preprocess.Decode(s.file, preprocess.DefaultLimits()); err != nil {
			continue
		}
		label := s.label
		out = append(out, readSample{key(i), s.captions[0], pixelsOf(t, s.file), s.captions, &label})
	}
	return out
}

// pixelsOf is a hash of the pixels of a PNG.
func pixelsOf(t *testing.T, file []byte) string {
	t.Helper()
	h := sha256.New()
	r := preprocess.Reader{Config: preprocess.Default(), Limits: preprocess.DefaultLimits()}
	err := r.Whole(file, 0, func(w preprocess.Whole) error {
		h.Write(w.RGB())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readable is a source of PNGs, whose pixels are the same in every decoder. Some are broken, some have several captions.
func readable(t *testing.T, classes []string) *fake {
	f := newFake(t, 23)
	f.info.Classes = classes
	if classes != nil {
		f.info.Templates = []string{"a photo of {}", "{}"}
	}
	for i := range f.samples {
		s := &f.samples[i]
		if s.file = pngOf(t, drawn(i, 20+i, 30)); i == 2 {
			s.file = pngOf(t, image.NewGray16(image.Rect(0, 0, 5, 5)))
		}
		if i%7 == 3 {
			s.file = []byte("broken")
		}
		if classes != nil {
			s.label = i % len(classes)
		}
		if i == 5 {
			s.captions[0] = "\u00e9\u4e2d \"quoted\"\ttab"
		}
	}
	return f
}

func TestWebdatasetReadsThem(t *testing.T) {
	f, dir := readable(t, nil), t.TempDir()
	packed(t, f, filepath.Join(dir, "tar"), Options{ShardCount: 6})
	var got []readSample
	read(t, dir, "webdataset", "webdataset, PIL", &got)
	sameSamples(t, got, wanted(t, f))
}

func TestOpenCLIPReadsThem(t *testing.T) {
	f, dir := readable(t, nil), t.TempDir()
	r := packed(t, f, filepath.Join(dir, "tar"), Options{ShardCount: 6})
	var got struct {
		Size    int
		Samples []readSample
	}
	read(t, dir, "open_clip", "open_clip_train.data, webdataset", &got)
	want := wanted(t, f)
	slices.SortFunc(want, func(a, b readSample) int { return strings.Compare(a.Text, b.Text) })
	if got.Size != r.Used || len(got.Samples) != r.Used {
		t.Fatalf("%d samples by sizes.json, %d read, want %d", got.Size, len(got.Samples), r.Used)
	}
	for i := range want {
		if got.Samples[i].Text != want[i].Text || got.Samples[i].Pixels != want[i].Pixels {
			t.Errorf("%+v, want %+v", got.Samples[i], want[i])
		}
	}
}

func TestCLIPBenchmarkReadsThem(t *testing.T) {
	f, dir := readable(t, []string{"cat", "big dog", "house"}), t.TempDir()
	packed(t, f, filepath.Join(dir, "classes"), Options{ShardCount: 6, Split: "test"})
	var got struct {
		Classes, Templates []string
		Samples            [][2]any
	}
	read(t, dir, "classes", "clip_benchmark, webdataset, torch", &got)
	want := wanted(t, f)
	if !slices.Equal(got.Classes, f.info.Classes) || !slices.Equal(got.Templates, []string{"a photo of {c}", "{c}"}) ||
		len(got.Samples) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, s := range got.Samples {
		if s[0] != want[i].Pixels || s[1] != float64(*want[i].Label) {
			t.Errorf("%v, want %+v", s, want[i])
		}
	}
	f = readable(t, nil)
	packed(t, f, filepath.Join(dir, "retrieval"), Options{ShardCount: 6, Split: "test"})
	var captions struct{ Samples [][2]any }
	read(t, dir, "retrieval", "clip_benchmark, webdataset, torch", &captions)
	for i, s := range captions.Samples {
		var all []string
		for _, c := range s[1].([]any) {
			all = append(all, c.(string))
		}
		if s[0] != want[i].Pixels || !slices.Equal(all, want[i].All) {
			t.Errorf("%v, want %+v", s, want[i])
		}
	}
}

func TestHuggingFacesDatasetsReadsThem(t *testing.T) {
	f, dir := readable(t, []string{"cat", "big dog", "house"}), t.TempDir()
	packed(t, f, filepath.Join(dir, "parquet"), Options{ShardCount: 6, Format: Parquet})
	var got struct {
		Classes []string
		Samples []readSample
	}
	read(t, dir, "datasets", "datasets, PIL", &got)
	if !slices.Equal(got.Classes, f.info.Classes) {
		t.Errorf("classes %q", got.Classes)
	}
	sameSamples(t, got.Samples, wanted(t, f))
	for i, s := range got.Samples {
		if s.Label == nil || *s.Label != *wanted(t, f)[i].Label {
			t.Errorf("label %v", s.Label)
		}
	}
}

func sameSamples(t *testing.T, got, want []readSample) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Key != w.Key || g.Text != w.Text || g.Pixels != w.Pixels || !slices.Equal(g.All, w.All) {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}
