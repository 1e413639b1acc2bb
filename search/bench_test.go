package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"clipgo/internal/half"
	"clipgo/internal/quantized"
)

// BenchmarkSearch1Mx512 searches a million generated rows of 512: CLIPGO_BENCH_ROWS=1000000 go test -bench Search1M.
// Without the variable it takes 20,000, so that a run of all benchmarks stays short.
func BenchmarkSearch1Mx512(b *testing.B) {
	const dim = 512
	n := 20_000
	if s := os.Getenv("CLIPGO_BENCH_ROWS"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, dtype := range []DType{Float32, Float16} {
		ix := memoryIndex(r, n, dim, dtype)
		query := unitRows(r, 1, dim)
		small := &codes{rows: ix.parts[0].image.small()}
		for at, k := range append([]kernel{{name: "codes"}}, kernels()...) {
			ix.kernel, ix.parts[0].image.codes = k, nil
			if at == 0 {
				ix.parts[0].image.codes = small
			}
			b.Run(string(dtype)+"/"+k.name, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					begun := time.Now()
					if _, err := ix.Nearest(b.Context(), query, 10, Images); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(begun))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.SetBytes(int64(n * dim * dtype.size()))
			})
		}
	}
}

// memoryIndex is an index without files: uniform rows of about unit length, made fast.
func memoryIndex(r *rand.Rand, n, dim int, dtype DType) *Folder {
	t := &table{path: "memory", rows: n, dim: dim}
	if dtype == Float16 {
		t.f16 = make([]uint16, n*dim)
		for i := range t.f16 {
			t.f16[i] = half.ToFloat16((r.Float32() - 0.5) * 0.15)
		}
	} else {
		t.f32 = make([]float32, n*dim)
		for i := range t.f32 {
			t.f32[i] = (r.Float32() - 0.5) * 0.15
		}
	}
	ix := &Folder{space: Space{Dim: dim, DType: dtype}}
	ix.add(&part{rows: n, image: t})
	return ix
}

// small makes the codes of a table.
func (t *table) small() *quantized.Rows {
	rows := make([]float32, 0, t.rows*t.dim)
	for i := range t.rows {
		rows = append(rows, t.row(i)...)
	}
	return quantized.New(rows, t.dim)
}
