package safetensors_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
)

// Every fixture was written by the format's own library. Written again it holds the same tensors in the same order.
func TestGoldenFilesSurviveRewriting(t *testing.T) {
	root := golden.Dir(t, "")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".safetensors" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		t.Run(name, func(t *testing.T) { rewrite(t, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// torch's own rounding of the same weights to half precision.
func TestGoldenHalvesAreTorchs(t *testing.T) {
	dir := golden.Dir(t, "model/clip-gelu/formats")
	for file, dtype := range map[string]safetensors.DType{"model_fp16": safetensors.F16, "model_bf16": safetensors.BF16} {
		t.Run(file, func(t *testing.T) {
			full, _ := read(t, filepath.Join(dir, "..", "model.safetensors"))
			half, _ := read(t, filepath.Join(dir, file+".safetensors"))
			want := map[string][]byte{}
			for _, v := range half {
				if v.DType == dtype {
					want[v.Name] = v.Data
				}
			}
			if len(want) == 0 || len(half) != len(full) {
				t.Fatalf("%d tensors, %d of them %s, want %d", len(half), len(want), dtype, len(full))
			}
			for _, v := range full {
				got, err := v.Convert(dtype)
				if data, ok := want[v.Name]; err != nil || ok && !bytes.Equal(got.Data, data) {
					t.Errorf("%s: %v", v.Name, err)
				}
			}
		})
	}
}

func rewrite(t *testing.T, path string) {
	tensors, metadata := read(t, path)
	if len(tensors) == 0 {
		t.Fatal("no tensors")
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.safetensors")
	if err := os.WriteFile(copied, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, sameMetadata := read(t, copied)
	if !reflect.DeepEqual(again, tensors) || !reflect.DeepEqual(sameMetadata, metadata) {
		t.Errorf("%d tensors came back as %d others", len(tensors), len(again))
	}
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, v := range tensors {
		size += len(v.Data)
	}
	if got := b.Bytes(); !bytes.Equal(got[len(got)-size:], original[len(original)-size:]) {
		t.Error("the data has other bytes")
	}
}

func read(t *testing.T, path string) (out []safetensors.Tensor, metadata map[string]string) {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		v, _ := f.Tensor(name)
		v.Data = bytes.Clone(v.Data)
		out = append(out, v)
	}
	return out, f.Metadata()
}
