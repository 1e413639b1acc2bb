package pretrained

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"clipgo/internal/durable"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
)

// nanoFolder writes a small model with random weights, after change has had them, and returns its folder.
func nanoFolder(t *testing.T, seed uint64, change func(p *nn.Param, values []float32)) string {
	t.Helper()
	torchtest.Need(t)
	config, err := model.NamedConfig("ViT-Nano-16-64")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(t.Context(), config, seed, model.On())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	err = torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			values := p.Tensor().Float32s()
			change(p, values)
			p.Tensor().OverwriteInPlace(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	about, err := json.Marshal(map[string]any{"model_cfg": config})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ModelConfigFile), about, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, WeightsFile), 0o644, func(w io.Writer) error { return m.WriteWeights(w) }); err != nil {
		t.Fatal(err)
	}
	return dir
}

func asItIs(*nn.Param, []float32) {}

// seenBy are the features of some pixels and texts by the model of a folder, and what is said of its 8-bit forms.
func seenBy(t *testing.T, dir, precision string) ([]float32, *Int8Report) {
	t.Helper()
	o := DefaultSettings()
	o.Model, o.Precision = dir, precision
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	const n = 5
	pixels := make([]byte, n*3*m.Preprocess.Size*m.Preprocess.Size)
	for i := range pixels {
		pixels[i] = byte(128 + 100*math.Sin(float64(i*i)/5000))
	}
	images, err := m.EmbedImages(t.Context(), pixels, n)
	if err != nil {
		t.Fatal(err)
	}
	one, err := m.EmbedImages(t.Context(), pixels[len(pixels)/n:2*len(pixels)/n], 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one, images[m.Dim():2*m.Dim()]) {
		t.Errorf("%s: the second of %d pictures has other features than alone", precision, n)
	}
	texts, err := m.EmbedTexts(t.Context(), []string{"a red circle", "two green squares on a field"})
	if err != nil {
		t.Fatal(err)
	}
	return append(images, texts...), m.InInt8
}

// formsOf is the one file of 8-bit forms in a folder.
func formsOf(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.int8"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of 8-bit forms: %v, %v", files, err)
	}
	return files[0]
}

// TestInt8FormsAreKept: the forms are made once, opened again with the same features, near to float32's, and smaller than the weights.
func TestInt8FormsAreKept(t *testing.T) {
	dir := nanoFolder(t, 1, asItIs)
	want, none := seenBy(t, dir, "fp32")
	got, report := seenBy(t, dir, "int8")
	if none != nil || report == nil || !report.Made || len(report.Kept) > 0 || report.Image < MinInt8Cosine || report.Text < MinInt8Cosine {
		t.Fatalf("%+v, and of float32 %+v", report, none)
	}
	if lowest := smallestCosine(want, got, len(got)/7); lowest < MinInt8Cosine || lowest == 1 {
		t.Errorf("smallest cosine to float32 is %g", lowest)
	}
	again, reopened := seenBy(t, dir, "int8")
	if reopened.Made || reopened.Cache != formsOf(t, dir) || reopened.Image != report.Image || !slices.Equal(again, got) {
		t.Errorf("opened again: %+v", reopened)
	}
}

// TestInt8FormsThatDontFit: forms that are damaged, cut, of an older program or of other weights are made again.
func TestInt8FormsThatDontFit(t *testing.T) {
	dir := nanoFolder(t, 1, asItIs)
	want, _ := seenBy(t, dir, "int8")
	path := formsOf(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header := int(binary.LittleEndian.Uint64(whole))
	flipped := slices.Clone(whole)
	flipped[8+header+1000] ^= 1
	for name, content := range map[string][]byte{
		"a flipped bit": flipped, "cut": whole[:len(whole)-9], "empty": {}, "text": []byte("hello"),
		"an older format": bytes.Replace(whole, []byte("clipgo int8 1"), []byte("clipgo int8 0"), 1),
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		got, report := seenBy(t, dir, "int8")
		if !report.Made || !slices.Equal(got, want) {
			t.Errorf("%s: made again: %v, same features: %v", name, report.Made, slices.Equal(got, want))
		}
	}
	other := nanoFolder(t, 2, asItIs)
	if err := os.WriteFile(filepath.Join(other, filepath.Base(path)), whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, report := seenBy(t, other, "int8"); !report.Made || slices.Equal(got, want) {
		t.Errorf("other weights: %+v", report)
	}
}

// TestInt8KeepsOutliersInFloat32: a matrix of which rows of 8 bits can't hold the input stays in float32, and the features stay near.
func TestInt8KeepsOutliersInFloat32(t *testing.T) {
	const outlier, block = 3000, "visual.transformer.resblocks.1."
	dir := nanoFolder(t, 1, func(p *nn.Param, values []float32) {
		switch p.Name {
		case block + "ln_2.weight": // one channel is far above the others, and its weights are as far below theirs
			values[0] *= outlier
		case block + "mlp.c_fc.weight":
			for i := 0; i < len(values); i += p.Shape[1] {
				values[i] /= outlier
			}
		case block + "mlp.c_proj.weight":
			for i := range values {
				values[i] *= 10
			}
		}
	})
	want, _ := seenBy(t, dir, "fp32")
	for range 2 { // when it is made, and when it is opened again
		got, report := seenBy(t, dir, "int8")
		if !slices.Contains(report.Kept, block+"mlp.c_fc.weight") || report.Image < MinInt8Cosine {
			t.Errorf("%+v", report)
		}
		if lowest := smallestCosine(want, got, len(got)/7); lowest < MinInt8Cosine-1e-3 {
			t.Errorf("smallest cosine to float32 is %g", lowest)
		}
	}
}

// TestInt8InAFolderWithAManifest: nothing is added to a folder whose files are listed; the forms are in the user's cache.
func TestInt8InAFolderWithAManifest(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	from, dir := nanoFolder(t, 1, asItIs), filepath.Join(t.TempDir(), "model")
	err := durable.WriteDir(dir, func(tmp string) error { return os.CopyFS(tmp, os.DirFS(from)) })
	if err != nil {
		t.Fatal(err)
	}
	if _, report := seenBy(t, dir, "int8"); !strings.HasPrefix(report.Cache, home) {
		t.Errorf("kept in %s, not in %s", report.Cache, home)
	}
	if err := durable.Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestInt8IsForUse: training and CUDA devices refuse it by name.
func TestInt8IsForUse(t *testing.T) {
	m := Machine{Device: "auto", Precision: "int8"}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	if err := m.Trains(); err == nil || !strings.Contains(err.Error(), "int8") {
		t.Errorf("to train: %v", err)
	}
	m.Device = "cuda:0"
	if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "int8") {
		t.Errorf("on CUDA: %v", err)
	}
}

// TestInt8Hint: many pictures and a large model in float32 on a CPU that multiplies bytes get the hint, and nothing else does.
func TestInt8Hint(t *testing.T) {
	torchtest.Need(t)
	open := func(width int, precision string) *Embedder {
		t.Helper()
		config := fmt.Sprintf(`{"embed_dim": 16, "vision_cfg": {"image_size": 32, "layers": 2, "width": %d, "patch_size": 32},
			"text_cfg": {"context_length": 16, "width": 16, "heads": 2, "layers": 1}}`, width)
		path := filepath.Join(t.TempDir(), "model.json")
		if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		o := DefaultSettings()
		o.Model, o.Precision = path, precision
		m, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Free)
		return m
	}
	large := open(1024, "fp32")
	fast := strings.HasSuffix(torch.Int8Kernel(), "_vnni")
	if got := large.Int8Hint(manyPictures); (got != "") != fast || fast && !strings.Contains(got, "precision int8") {
		t.Errorf("%s: %q", torch.Int8Kernel(), got)
	}
	for what, got := range map[string]string{"few pictures": large.Int8Hint(manyPictures - 1),
		"a small model": open(64, "fp32").Int8Hint(manyPictures), "int8": open(1024, "int8").Int8Hint(manyPictures)} {
		if got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
}
