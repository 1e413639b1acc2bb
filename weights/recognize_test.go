package weights

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/pickle"
	"clipgo/internal/safetensors"
)

// vit is the tensors by which OpenAI's loader tells the sizes of a vision transformer.
func vit(grid, layers int64) tensors {
	shape := func(sizes ...int64) safetensors.Tensor {
		return safetensors.Tensor{DType: safetensors.F16, Shape: sizes}
	}
	s := tensors{
		"visual.conv1.weight": shape(128, 3, 16, 16), "visual.positional_embedding": shape(grid, 128), "text_projection": shape(64, 96),
		"positional_embedding": shape(77, 64), "token_embedding.weight": shape(500, 64),
	}
	for i := range layers {
		s[fmt.Sprintf("visual.transformer.resblocks.%d.mlp.c_fc.weight", i)] = shape(512, 128)
		s[fmt.Sprintf("visual.transformer.resblocks.%d.mlp.c_fc.bias", i)] = shape(512)
	}
	s["transformer.resblocks.0.mlp.c_fc.weight"] = shape(256, 64)
	return s
}

func TestSizesComeFromShapes(t *testing.T) {
	m, err := infer(vit(17, 12))
	if err != nil {
		t.Fatal(err)
	}
	v, x := m.Vision, m.Text
	if m.EmbedDim != 96 || v.ImageSize != 64 || v.PatchSize != 16 || v.Layers != 12 || v.Width != 128 || v.HeadWidth != 64 ||
		x.ContextLength != 77 || x.VocabSize != 500 || x.Width != 64 || x.Heads != 1 || x.Layers != 1 {
		t.Errorf("%+v", m)
	}
	odd := vit(17, 1)
	odd["visual.conv1.weight"] = safetensors.Tensor{Shape: []int64{100, 3, 16, 16}}
	empty := vit(17, 1)
	empty["text_projection"] = safetensors.Tensor{Shape: []int64{0, 96}}
	flat := vit(17, 1)
	flat["text_projection"] = safetensors.Tensor{Shape: []int64{96}}
	for want, s := range map[string]Set{
		"19 places are not a square and one": vit(19, 1), "width of 100 is not a multiple of 64": odd,
		"text_projection is missing or":     empty,
		"than 2: not the weights of a CLIP": flat,
	} {
		if _, err := infer(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// OpenAI's archive says nothing of its activation: these weights have QuickGELU.
func TestOpenAIsArchiveHasQuickGELU(t *testing.T) {
	c := openFixture(t, filepath.Join(golden.Own(t, "containers"), "openai.pt"))
	if c.Layout != OpenAI || !strings.Contains(string(c.Model), `"quick_gelu":true`) || len(c.Notes) == 0 {
		t.Errorf("%s: %s, notes %q", c.Layout, c.Model, c.Notes)
	}
}

// The content decides, not the name: torch.save's file may be called .safetensors, and the other way round.
func TestTheContentOfAFileDecides(t *testing.T) {
	dir := t.TempDir()
	for name, from := range map[string]string{"a.safetensors": "saved.bin", "b.bin": "saved.safetensors"} {
		data, err := os.ReadFile(filepath.Join(golden.Own(t, "containers"), from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), data)
		c, err := container(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, torch := c.(*pickle.File); torch != (from == "saved.bin") {
			t.Errorf("%s is opened as %T", name, c)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A prefix ends with a point: a tensor that is called mytoken_embedding is not one of a model in "my".
func TestAPrefixIsAWholePart(t *testing.T) {
	one := floats32([]int64{1}, 1)
	for prefix, want := range map[string]int{"": 1, "clip.": 1, "my": 0} {
		s := tensors{prefix + "visual.conv1.weight": one, prefix + "token_embedding.weight": one}
		if got := prefixes(s); len(got) != want {
			t.Errorf("%q: %q", prefix, got)
		}
	}
}

// config.json of open_clip's hub layout, as some tools call it.
func TestGoldenHubConfigUnderTheOtherName(t *testing.T) {
	from, dir := filepath.Join(golden.Dir(t, "model"), "clip-gelu"), t.TempDir()
	for name, source := range map[string]string{plainWeights: plainWeights, hfConfigFile: filepath.Join("formats", openCLIPConfig)} {
		data, err := os.ReadFile(filepath.Join(from, source))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), data)
	}
	c := openFixture(t, dir)
	if sameTensors(t, c, openFixture(t, from)); c.Preprocess == nil || !bytes.Contains(c.Model, []byte("vision_cfg")) {
		t.Errorf("%s %s", c.Model, c.Preprocess)
	}
}

// Each part of a tensor that a fingerprint reads tells two models apart; what it leaves out only the digest tells.
func TestAFingerprintReadsBothEndsAndTheMiddle(t *testing.T) {
	const n = 4 * sample
	of := func(at int) tensors {
		x := safetensors.Tensor{DType: safetensors.U8, Shape: []int64{n}, Data: make([]byte, n)}
		if at >= 0 {
			x.Data[at] = 1
		}
		return tensors{"w": x}
	}
	same, whole := Fingerprint(of(-1)), Digest(of(-1))
	for at, noticed := range map[int]bool{0: true, sample - 1: true, sample: false, n / 2: true, n/2 + sample - 1: true, n - sample: true,
		n - 1: true} {
		if (Fingerprint(of(at)) != same) != noticed || Digest(of(at)) == whole {
			t.Errorf("byte %d of %d: noticed %v", at, n, !noticed)
		}
	}
	small := func(v byte) tensors {
		return tensors{"w": {DType: safetensors.U8, Shape: []int64{3}, Data: []byte{1, v, 3}}}
	}
	if Fingerprint(small(2)) == Fingerprint(small(4)) {
		t.Error("a small tensor is not read whole")
	}
}

// Queries, keys and values have one fingerprint, stacked or not, under the names of each layout.
func TestAFingerprintIsThatOfTheParts(t *testing.T) {
	for _, name := range []string{"a.in_proj_weight", "a.attn.qkv.weight", "a.other"} {
		const n = 3 * 8 * sample
		at := func(i int) tensors {
			x := safetensors.Tensor{DType: safetensors.U8, Shape: []int64{n}, Data: make([]byte, n)}
			x.Data[i] = 1
			return tensors{name: x}
		}
		// The middle of the second third is the middle of the whole; the middle of the first third only that of the part.
		noticed := Fingerprint(at(n/6)) != Fingerprint(at(n/6+4*sample-1-2*sample))
		if noticed != (name != "a.other") {
			t.Errorf("%s: noticed %v", name, noticed)
		}
	}
}

// The type of most numbers, not of most tensors.
func TestTheStoredTypeIsThatOfMostNumbers(t *testing.T) {
	s := tensors{"a": {DType: safetensors.F16, Shape: []int64{10, 10}}, "b": {DType: safetensors.F32, Shape: []int64{3}},
		"c": {DType: safetensors.F32, Shape: []int64{3}}}
	if got := Stored(s); got != safetensors.F16 {
		t.Error(got)
	}
}

func TestAllFilesOfATokenizerAreFound(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json",
		"special_tokens_map.json", "added_tokens.json", "README.md"} {
		write(t, filepath.Join(dir, name), []byte(name))
	}
	files := TokenizerIn(dir)
	var b bytes.Buffer
	if err := files["tokenizer.model"](&b); err != nil || len(files) != 8 || b.String() != "tokenizer.model" {
		t.Errorf("%d files, %q, %v", len(files), b.String(), err)
	}
}
