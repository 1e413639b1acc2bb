package pickle_test

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/pickle"
	"clipgo/internal/safetensors"
)

// Each archive was written by torch, and holds the tensors that torch wrote as safetensors beside it, bit for bit.
func TestGoldenArchivesHoldWhatTorchSaved(t *testing.T) {
	for _, c := range []struct{ folder, archive, want, prefix string }{
		{"containers", "openai.pt", "openai.safetensors", ""},
		{"containers", "saved.bin", "saved.safetensors", ""},
		{"containers", "deflated.bin", "saved.safetensors", ""},
		{"containers", "wrapped.pt", "saved.safetensors", ""},
		{"containers", "protocol4.pt", "saved.safetensors", ""},
		{"containers", "protocol5.pt", "saved.safetensors", ""},
		{"containers", "model.pt", "saved.safetensors", ""},
		{"containers", "untyped.pt", "saved.safetensors", ""},
		{"containers", "average.pt", "saved.safetensors", ""},
		{"containers", "numpy2.pt", "beside.safetensors", ""},
		{"containers", "numpy2_protocol4.pt", "beside.safetensors", ""},
		{"containers", "numpy1.pt", "beside.safetensors", ""},
		{"containers", "numpy1_protocol4.pt", "beside.safetensors", ""},
		{"model/clip-gelu", "formats/epoch_1.pt", "model.safetensors", "module."},
		{"model/clip-gelu", "formats/open_clip_pytorch_model.bin", "model.safetensors", ""},
	} {
		t.Run(c.archive, func(t *testing.T) {
			dir := golden.Dir(t, c.folder)
			f := open(t, filepath.Join(dir, c.archive))
			want, err := safetensors.Open(filepath.Join(dir, c.want))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			if got, n := len(f.Names()), len(want.Names()); got != n || n == 0 {
				t.Errorf("%d tensors, want %d", got, n)
			}
			for _, name := range want.Names() {
				w, _ := want.Tensor(name)
				g, ok := f.Tensor(c.prefix + name)
				if !ok || g.Name != c.prefix+name || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("%s: got %s %v (%v), want %s %v", name, g.DType, g.Shape, ok, w.DType, w.Shape)
				}
			}
		})
	}
}

func open(t testing.TB, path string) *pickle.File {
	t.Helper()
	f, err := pickle.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestGoldenInfoIsWhatStandsBesideTheWeights(t *testing.T) {
	dir := golden.Dir(t, "containers")
	want := map[string]string{"epoch": "3", "name": "caf\u00e9", "scale": "1.5", "best": "true", "negative": "-129",
		"big": "-1099511627776"}
	for _, file := range []string{"wrapped.pt", "protocol4.pt", "protocol5.pt"} {
		f := open(t, filepath.Join(dir, file))
		if got := f.Info(); !maps.Equal(got, want) || f.Class() != "" {
			t.Errorf("%s: %q, class %q", file, got, f.Class())
		}
	}
	script := open(t, filepath.Join(dir, "openai.pt"))
	if got := script.Class(); got != "__torch__.Multimodal" || script.Info()["training"] != "false" {
		t.Errorf("class %q, %q", got, script.Info())
	}
}

// NumPy's numbers are read with their values. A complex number, an array and what a class of the program would make are not.
func TestGoldenNumbersOfNumPyAreInfo(t *testing.T) {
	dir := golden.Dir(t, "containers")
	want := map[string]string{"epoch": "3", "f8": "0.125", "f4": "-1.5", "f2": "0.5", "i8": "-7", "i2": "-300", "u1": "200", "true": "true"}
	for _, file := range []string{"numpy1.pt", "numpy1_protocol4.pt", "numpy2.pt", "numpy2_protocol4.pt"} {
		f := open(t, filepath.Join(dir, file))
		if got := f.Info(); !maps.Equal(got, want) || len(f.Unread()) > 0 {
			t.Errorf("%s: %q, unread %q", file, got, f.Unread())
		}
	}
}

// Names come in torch's order, and a view of the file is not copied.
func TestGoldenTensorsAreViewsInOrder(t *testing.T) {
	f := open(t, filepath.Join(golden.Dir(t, "containers"), "saved.bin"))
	if got := f.Names()[:4]; !slices.Equal(got, []string{"whole", "part", "turned", "row"}) {
		t.Errorf("%q", got)
	}
	whole, _ := f.Tensor("whole")
	row, _ := f.Tensor("row")
	if &whole.Data[2*6*4] != &row.Data[0] {
		t.Error("a row of a shared storage is elsewhere")
	}
	one, _ := f.Tensor("one") // 1 by 1 with the strides of 1 by 3
	same, _ := f.Tensor("one")
	if &one.Data[0] != &same.Data[0] {
		t.Error("a single number is copied")
	}
	turned, _ := f.Tensor("turned")
	again, _ := f.Tensor("turned")
	turned.Data[0]++ // a copy: the file itself would fault
	if turned.Data[0] == again.Data[0] {
		t.Error("two calls share a copy")
	}
}

// A case says what a hostile file is refused for: the name in it, or a word of the message.
type hostile struct{ File, Unsafe, Format string }

func TestGoldenHostileFilesAreRefused(t *testing.T) {
	dir := golden.Dir(t, "containers")
	cases := golden.Lines[hostile](t, filepath.Join(dir, "hostile.jsonl"))
	if files, _ := filepath.Glob(filepath.Join(dir, "hostile", "*")); len(files) != len(cases) {
		t.Errorf("%d files, %d cases", len(files), len(cases))
	}
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			f, err := pickle.Open(filepath.Join(dir, "hostile", c.File))
			if err == nil {
				t.Fatalf("it was read: %q", f.Names())
			}
			unsafe, named := errors.AsType[*pickle.UnsafeError](err)
			switch {
			case named != (c.Unsafe != "") || named == errors.Is(err, pickle.ErrFormat):
				t.Errorf("another kind of error: %v", err)
			case named && unsafe.Global != c.Unsafe:
				t.Errorf("it names %s, want %s", unsafe.Global, c.Unsafe)
			case !strings.Contains(err.Error(), c.Format) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500:
				t.Errorf("want one line with %q: %v", c.Format, err)
			}
		})
	}
}
