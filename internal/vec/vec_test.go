package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/half"
)

func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// The order of the sums is part of the contract: the products of a row don't depend on which function computes them, nor
// on the row's place among others.
func TestProductsAreSummedInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{1, 3, 64, 513} {
		const n = 11
		x, rows := random(r, dim), random(r, n*dim)
		wide, wideX := make([]float64, len(rows)), make([]float64, dim)
		halves := make([]uint16, dim)
		for i, v := range rows {
			wide[i] = float64(v)
		}
		for i, v := range x {
			wideX[i], halves[i] = float64(v), half.ToFloat16(v)
		}
		all := make([]float64, n)
		Dots(all, wideX, wide)
		for k, got := range all {
			want := 0.0
			for i := range dim {
				want += float64(x[i]) * float64(rows[k*dim+i])
			}
			if one := Dot(x, rows[k*dim:]); got != want || one != want {
				t.Errorf("dim %d, row %d: %v and %v, want %v", dim, k, got, one, want)
			}
		}
		want := 0.0
		for i := range dim {
			want += float64(x[i]) * float64(half.Float16(halves[i]))
		}
		if got := DotFloat16(x, halves); got != want {
			t.Errorf("dim %d: float16 row: %v, want %v", dim, got, want)
		}
	}
}

func TestUnitRows(t *testing.T) {
	got := make([]float64, 2)
	if norm := Unit(got, []float32{3, -4}); norm != 5 || !slices.Equal(got, []float64{0.6, -0.8}) {
		t.Errorf("norm %v, row %v", norm, got)
	}
	if norm := Unit(got, []float32{0, 0}); norm != 0 || !slices.Equal(got, []float64{0, 0}) {
		t.Errorf("zero row: norm %v, row %v", norm, got)
	}
	if norm := Unit(got, []float32{float32(math.Inf(1)), 0}); !math.IsInf(norm, 1) {
		t.Errorf("infinite row: norm %v", norm)
	}
	if got := Units([]float32{3, -4, 0, 2}, 2); !slices.Equal(got, []float64{0.6, -0.8, 0, 1}) {
		t.Errorf("rows %v", got)
	}
}

// The mean is of directions: a long row counts as much as a short one.
func TestMeanDirection(t *testing.T) {
	got := MeanDirection([]float32{100, 0, 0, 0.1}, 2)
	want := float32(math.Sqrt(0.5))
	if math.Abs(float64(got[0]-want)) > 0x1p-24 || got[0] != got[1] {
		t.Errorf("got %v, want %v twice", got, want)
	}
	if got := MeanDirection([]float32{1, 0, -1, 0}, 2); !slices.Equal(got, []float32{0, 0}) {
		t.Errorf("opposite rows: %v", got)
	}
}
