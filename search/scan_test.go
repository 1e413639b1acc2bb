package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"testing"

	"clipgo/internal/half"
	"clipgo/internal/vec"
)

// Each kernel against float64, for lengths around its block sizes; the bound is the one that the search relies on.
func TestKernelsStayWithinSlack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, k := range kernels() {
		t.Run(k.name, func(t *testing.T) {
			for _, dim := range []int{1, 3, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 128, 512, 640, 767, 1024} {
				const n = 5
				q, rows := unitRows(r, 1, dim), unitRows(r, n, dim)
				halves := make([]uint16, len(rows))
				for i, v := range rows {
					halves[i] = half.ToFloat16(v)
				}
				got32, got16 := make([]float32, n), make([]float32, n)
				k.f32(got32, q, rows)
				k.f16(got16, q, halves)
				for i := range n {
					want32, want16 := vec.Dot(q, rows[i*dim:]), vec.DotFloat16(q, halves[i*dim:])
					if d := math.Abs(float64(got32[i]) - want32); d > float64(slack(dim)) {
						t.Errorf("float32, dim %d, row %d: off by %g", dim, i, d)
					}
					if d := math.Abs(float64(got16[i]) - want16); d > float64(slack(dim)) {
						t.Errorf("float16, dim %d, row %d: off by %g", dim, i, d)
					}
				}
			}
		})
	}
}

// Rows that differ by less than float32's rounding, and equal ones: the order must be that of float64, then the row.
func TestNearestEqualsAFloat64Scan(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n, dim = 9000, 40
	rows := unitRows(r, n, dim)
	for i := 100; i < 3000; i++ {
		copy(rows[i*dim:(i+1)*dim], rows[:dim])
		if i%3 > 0 {
			for k := i * dim; k < (i+1)*dim; k++ {
				rows[k] *= 1 + float32(r.IntN(9)-4)*0x1p-23
			}
		}
	}
	for _, dtype := range []DType{Float32, Float16} {
		ix := buildIndex(t, t.TempDir(), Space{Fingerprint: "m", Dim: dim, DType: dtype}, rows)
		for at, k := range append([]kernel{{name: "codes"}}, kernels()...) {
			if ix.kernel = k; at == 1 {
				dropCodes(t, ix)
			}
			for _, procs := range []int{1, 2, 7} {
				t.Run(fmt.Sprintf("%s/%s/%d", dtype, k.name, procs), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					for _, query := range [][]float32{rows[:dim], unitRows(r, 1, dim)} {
						for _, top := range []int{1, 10, 1500, n + 5} {
							got, err := ix.Nearest(t.Context(), query, top, Images)
							if err != nil {
								t.Fatal(err)
							}
							if want := scan64(ix, query, top); !slices.Equal(got, want) {
								t.Fatalf("top %d differs: %v..., want %v...", top, got[:1], want[:1])
							}
						}
					}
				})
			}
		}
	}
}

// scan64 is the oracle: every live row in float64, a stable sort.
func scan64(ix *Folder, q []float32, k int) []Neighbor {
	var all []Neighbor
	for _, p := range ix.parts {
		for i := range p.rows {
			if p.dead[i] {
				continue
			}
			var sum float64
			for j, v := range p.image.row(i) {
				sum += float64(q[j]) * float64(v)
			}
			all = append(all, Neighbor{p.first + i, sum})
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].Score > all[b].Score })
	return all[:min(k, len(all))]
}

func TestCutFileIsAnErrorNotADeath(t *testing.T) {
	dir := t.TempDir()
	ix := buildIndex(t, dir, Space{Fingerprint: "m", Dim: 64}, unitRows(rand.New(rand.NewPCG(1, 1)), 1000, 64))
	path := filepath.Join(dir, imageFile(0))
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	dropCodes(t, ix)
	_, err := ix.Nearest(t.Context(), make([]float32, 64), 3, Images)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || corrupt.File != path {
		t.Errorf("got %v", err)
	}
}

func TestNotFiniteRowsAreNamed(t *testing.T) {
	dir := t.TempDir()
	ix := buildIndex(t, dir, Space{Fingerprint: "m", Dim: 16}, unitRows(rand.New(rand.NewPCG(1, 1)), 100, 16))
	ix.Close()
	path := filepath.Join(dir, imageFile(0))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[128+4*16*12:], "\x00\x00\xc0\x7f") // NaN into row 12
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	ix, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	dropCodes(t, ix)
	_, err = ix.Nearest(t.Context(), unitRows(rand.New(rand.NewPCG(2, 1)), 1, 16), 3, Images)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || corrupt.File != path {
		t.Errorf("search said %v", err)
	}
	if err := ix.Verify(); !errors.As(err, &corrupt) || corrupt.File != path {
		t.Errorf("verify said %v", err)
	}
}

func TestSearchObeysItsContext(t *testing.T) {
	ix := buildIndex(t, t.TempDir(), Space{Fingerprint: "m", Dim: 4}, unitRows(rand.New(rand.NewPCG(1, 1)), 10, 4))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Nearest(ctx, []float32{1, 0, 0, 0}, 3, Images); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func unitRows(r *rand.Rand, n, dim int) []float32 {
	out := make([]float32, n*dim)
	for at := 0; at < len(out); at += dim {
		v := make([]float64, dim)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		copy(out[at:], vec.Direction(v))
	}
	return out
}

// buildIndex writes rows as an index of three segments and opens it.
func buildIndex(t testing.TB, dir string, space Space, rows []float32) *Folder {
	t.Helper()
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	w.SegmentRows = len(rows)/space.Dim/3 + 1
	for i := 0; i < len(rows); i += space.Dim {
		err := w.Add(Row{File: File{Path: fmt.Sprintf("/p/%d.png", i/space.Dim)}, Image: rows[i : i+space.Dim]})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}
