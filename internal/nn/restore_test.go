package nn

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// declared are two parameters with memory and the values of a seed.
func declared(t *testing.T, seed uint64) *Params {
	t.Helper()
	p := NewParams()
	p.Root().Declare("a", Normal(1), 2, 3)
	p.Root().Declare("b", Normal(1), 4)
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		p.Fill(seed, torch.CPU)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Free)
	return p
}

func valuesOf(t *testing.T, p *Params) (out [][]float32) {
	t.Helper()
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, q := range p.All() {
			out = append(out, q.Tensor().Float32s())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRestoreGivesBackWhatWasWritten(t *testing.T) {
	torchtest.Need(t)
	from, to := declared(t, 1), declared(t, 2)
	var b bytes.Buffer
	if err := Write(&b, from.All(), map[string]string{"updates": "7"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	before := valuesOf(t, to)
	metadata, err := Restore(t.Context(), to.All()[:1], path)
	if err != nil || metadata["updates"] != "7" {
		t.Fatalf("%v %v", metadata, err)
	}
	want, got := valuesOf(t, from), valuesOf(t, to)
	if !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], before[1]) {
		t.Errorf("values %v, want %v and %v", got, want[0], before[1])
	}
}

func TestRestoreRefusesWhatDoesNotFit(t *testing.T) {
	torchtest.Need(t)
	to := declared(t, 2)
	before := valuesOf(t, to)
	good := func() []safetensors.Tensor {
		return []safetensors.Tensor{
			{Name: "a", DType: safetensors.F32, Shape: []int64{2, 3}, Data: make([]byte, 24)},
			{Name: "b", DType: safetensors.F32, Shape: []int64{4}, Data: make([]byte, 16)},
		}
	}
	for what, c := range map[string]struct {
		spoil func([]safetensors.Tensor) []safetensors.Tensor
		want  string
	}{
		"missing": {func(x []safetensors.Tensor) []safetensors.Tensor { return x[:1] }, "no b of [4]"},
		"shape":   {func(x []safetensors.Tensor) []safetensors.Tensor { x[0].Shape = []int64{3, 2}; return x }, "no a of [2 3]"},
		"type": {func(x []safetensors.Tensor) []safetensors.Tensor {
			x[1].DType, x[1].Data = safetensors.F16, x[1].Data[:8]
			return x
		}, "no b of [4]"},
		"NaN": {func(x []safetensors.Tensor) []safetensors.Tensor {
			bits := math.Float32bits(float32(math.NaN()))
			x[1].Data[2], x[1].Data[3] = byte(bits>>16), byte(bits>>24)
			return x
		}, "finite number in b"},
	} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		var b bytes.Buffer
		if err := errors.Join(safetensors.Write(&b, c.spoil(good()), nil), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
		_, err := Restore(t.Context(), to.All(), path)
		var misfit *WeightsError
		if !errors.As(err, &misfit) || misfit.Path != path || !strings.Contains(misfit.Reason, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Restore(t.Context(), to.All(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file was restored")
	}
	for i, v := range valuesOf(t, to) {
		if !slices.Equal(v, before[i]) {
			t.Error("a refused file changed the values")
		}
	}
}
