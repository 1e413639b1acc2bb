package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
)

// folders runs f for every folder of golden/model that has another below it.
func folders(t *testing.T, below string, f func(t *testing.T, dir string)) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(golden.Dir(t, "model"), "*", below))
	if len(paths) == 0 {
		t.Skip("no fixtures")
	}
	for _, path := range paths {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) { f(t, dir) })
	}
}

func TestGoldenTransformersFolderHoldsOpenCLIPsTensors(t *testing.T) {
	folders(t, "hf", func(t *testing.T, dir string) {
		hf, oc := openFixture(t, filepath.Join(dir, "hf")), openFixture(t, dir)
		sameTensors(t, hf, oc)
		if Fingerprint(hf) != Fingerprint(oc) || Digest(hf) != Digest(oc) {
			t.Error("another layout has another fingerprint")
		}
	})
}

func TestGoldenStorageFormatsHoldTheSameTensors(t *testing.T) {
	folders(t, "formats", func(t *testing.T, dir string) {
		want := openFixture(t, dir)
		for _, name := range []string{"epoch_1.pt", "open_clip_pytorch_model.bin"} {
			sameTensors(t, openFixture(t, filepath.Join(dir, "formats", name)), want)
		}
		if epoch := openFixture(t, filepath.Join(dir, "formats", "epoch_1.pt")); epoch.Info["epoch"] != "1" {
			t.Errorf("it says %v of itself", epoch.Info)
		}
	})
}

// bundle is a model with the configs that its folder has.
func bundle(t *testing.T, c *Checkpoint, size int) Bundle {
	t.Helper()
	p := c.Preprocess
	if p == nil {
		p, _ = json.Marshal(clipPreprocess(size))
	}
	return Bundle{Set: c, Model: c.Model, Preprocess: p, Card: func(io.Writer) error { return nil }}
}

func TestGoldenThereAndBackIsBitForBit(t *testing.T) {
	folders(t, "hf", func(t *testing.T, dir string) {
		source := openFixture(t, dir)
		var m modelConfig
		if err := json.Unmarshal(source.Model, &m); err != nil {
			t.Fatal(err)
		}
		for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16} {
			first := filepath.Join(t.TempDir(), "oc")
			b := bundle(t, source, m.Vision.ImageSize)
			b.DType = dtype
			if err := WriteOpenCLIP(first, b); err != nil {
				t.Fatal(err)
			}
			oc := openFixture(t, first)
			there := filepath.Join(t.TempDir(), "hf")
			if err := WriteHF(there, bundle(t, openFixture(t, filepath.Join(dir, "hf")), 0)); err != nil {
				t.Fatal(err)
			}
			sameTensors(t, openFixture(t, there), source)
			if err := WriteHF(filepath.Join(there, "again"), bundle(t, oc, 0)); err != nil {
				t.Fatal(err)
			}
			back := openFixture(t, filepath.Join(there, "again"))
			sameTensors(t, back, oc)
			if got := Stored(back); got != dtype {
				t.Errorf("stored as %s, want %s", got, dtype)
			}
			if !sameJSON(t, back.Preprocess, oc.Preprocess) {
				t.Errorf("preprocessing %s became %s", oc.Preprocess, back.Preprocess)
			}
		}
	})
}

func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y preprocessConfig
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatal("not JSON")
	}
	one, _ := json.Marshal(x)
	other, _ := json.Marshal(y)
	return bytes.Equal(one, other)
}

// TestGoldenTransformersWriteTheSameNames holds our files against those that transformers wrote.
func TestGoldenTransformersWriteTheSameNames(t *testing.T) {
	folders(t, "hf", func(t *testing.T, dir string) {
		theirs, err := safetensors.Open(filepath.Join(dir, "hf", plainWeights))
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		sameTensors(t, toTheirs(hfCLIP, openFixture(t, dir)), theirs)
	})
}

func TestWrappingsAndBuffersAreLeftOut(t *testing.T) {
	one := safetensors.Tensor{DType: safetensors.F32, Shape: []int64{1}, Data: make([]byte, 4)}
	for _, names := range [][]string{
		{"module.logit_scale", "module.attn_mask"}, {"_orig_mod.logit_scale"}, {"module._orig_mod.logit_scale"},
		{"_orig_mod.module.logit_scale", "input_resolution", "context_length", "vocab_size"},
	} {
		src := tensors{}
		for _, name := range names {
			src[name] = one
		}
		got, dropped, err := openCLIPSet("f", src)
		if err != nil || !slices.Equal(got.Names(), []string{"logit_scale"}) || len(dropped) != len(names)-1 {
			t.Errorf("%v: %v, %v, %v", names, got, dropped, err)
		}
	}
	if _, _, err := openCLIPSet("f", tensors{"module.x": one, "x": one}); err == nil {
		t.Error("a name that is there twice was taken")
	}
}

func TestNumbersThatATypeCannotHoldAreRefused(t *testing.T) {
	big := safetensors.Tensor{DType: safetensors.F32, Shape: []int64{1},
		Data: binary.LittleEndian.AppendUint32(nil, math.Float32bits(70000))}
	nan := safetensors.Tensor{DType: safetensors.F32, Shape: []int64{1}, Data: binary.LittleEndian.AppendUint32(nil, 0x7fc00000)}
	for want, b := range map[string]Bundle{
		"too large for F16":   {Set: tensors{"x": big}, DType: safetensors.F16},
		"not a finite number": {Set: tensors{"x": nan}},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		b.Model, b.Preprocess, b.Card = json.RawMessage("{}"), json.RawMessage("{}"), func(io.Writer) error { return nil }
		err := WriteOpenCLIP(dir, b)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Error("a folder was left behind")
		}
	}
}
