// Package golden gives tests the fixtures that other libraries made, and compares with them readably.
package golden

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/safetensors"
)

// Dir is a folder of the fixtures: below CLIPGO_GOLDEN, else below testdata/golden of this module. The test is skipped
// where the folder does not exist.
func Dir(t testing.TB, folder string) string {
	t.Helper()
	if root := os.Getenv("CLIPGO_GOLDEN"); root != "" {
		return below(t, root, folder)
	}
	return Own(t, folder)
}

// Own is a folder of the fixtures of this module, whatever CLIPGO_GOLDEN names: for tests of what is true of these files only,
// which are not called TestGolden.
func Own(t testing.TB, folder string) string {
	t.Helper()
	return below(t, filepath.Join(moduleRoot(t), "testdata", "golden"), folder)
}

func below(t testing.TB, root, folder string) string {
	t.Helper()
	dir := filepath.Join(root, filepath.FromSlash(folder))
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no fixtures: %v", err)
	}
	return dir
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}

// Tensor is a fixture's array; the slice of its own type is filled, floats of any width in F32.
type Tensor struct {
	DType string
	Shape []int
	F32   []float32
	I64   []int64
	U8    []uint8
}

// Tensors reads a safetensors file.
func Tensors(t testing.TB, path string) map[string]Tensor {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]Tensor{}
	for _, name := range f.Names() {
		raw, _ := f.Tensor(name)
		out[name] = decode(t, raw)
	}
	return out
}

func decode(t testing.TB, raw safetensors.Tensor) Tensor {
	t.Helper()
	out := Tensor{DType: string(raw.DType)}
	n := 1
	for _, s := range raw.Shape {
		out.Shape = append(out.Shape, int(s))
		n *= int(s)
	}
	le := binary.LittleEndian
	float := func(at func(i int) float64) {
		out.F32 = make([]float32, n)
		for i := range out.F32 {
			out.F32[i] = float32(at(i))
		}
	}
	switch raw.DType {
	case safetensors.F64:
		float(func(i int) float64 { return math.Float64frombits(le.Uint64(raw.Data[8*i:])) })
	case safetensors.F32:
		float(func(i int) float64 { return float64(math.Float32frombits(le.Uint32(raw.Data[4*i:]))) })
	case safetensors.F16, safetensors.BF16:
		wide, err := raw.Convert(safetensors.F32)
		if err != nil {
			t.Fatal(err)
		}
		out.F32 = decode(t, wide).F32
	case safetensors.I64:
		out.I64 = make([]int64, n)
		for i := range out.I64 {
			out.I64[i] = int64(le.Uint64(raw.Data[8*i:]))
		}
	case safetensors.I16:
		out.I64 = make([]int64, n)
		for i := range out.I64 {
			out.I64[i] = int64(int16(le.Uint16(raw.Data[2*i:])))
		}
	case safetensors.U8, safetensors.Bool:
		out.U8 = bytes.Clone(raw.Data)
	default:
		t.Fatalf("%s: fixtures of type %s are not read", raw.Name, raw.DType)
	}
	return out
}

// Read reads a file, and unpacks one whose name ends in .gz.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(path) != ".gz" {
		return data
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(packed)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data
}

// Lines reads a file of JSON lines, which may be packed as Read has it.
func Lines[T any](t testing.TB, path string) []T {
	t.Helper()
	data := Read(t, path)
	var out []T
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, len(data)+1)
	for n := 1; scanner.Scan(); n++ {
		var v T
		if err := json.Unmarshal(scanner.Bytes(), &v); err != nil {
			t.Fatalf("%s:%d: %v", path, n, err)
		}
		out = append(out, v)
	}
	return out
}

// Tol is how far a value may be from the fixture's: Abs, plus RelMax times the fixture's largest entry.
type Tol struct{ Abs, RelMax float64 }

// Close fails the test where got is farther from want than tol, and says where, by how much and how often.
func Close(t testing.TB, name string, got, want []float32, tol Tol) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", name, len(got), len(want))
		return
	}
	limit := tol.Abs + tol.RelMax*largest(want)
	worst, at, over := 0.0, 0, 0
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= limit) { // also NaN
			over++
		}
		if !(d <= worst) {
			worst, at = d, i
		}
	}
	if over > 0 {
		t.Errorf("%s: %d of %d values differ by more than %.3g; the worst at %d: got %g, want %g (off by %.3g)",
			name, over, len(want), limit, at, got[at], want[at], worst)
	}
}

func largest(v []float32) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, math.Abs(float64(x)))
	}
	return m
}

// String shows a tensor's type and shape.
func (t Tensor) String() string { return fmt.Sprintf("%s%v", t.DType, t.Shape) }
