package quantized

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"clipgo/internal/vec"
)

// rows are unit rows in clusters, with a zero row, a row of one entry and equal rows among them.
func rows(n, dim int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n*dim)
	center := make([]float64, dim)
	for i := range n {
		if i%10 == 0 {
			for k := range center {
				center[k] = r.NormFloat64()
			}
		}
		x := make([]float64, dim)
		for k := range x {
			x[k] = center[k] + 0.3*r.NormFloat64()
		}
		copy(out[i*dim:], vec.Direction(x))
	}
	clear(out[3*dim : 4*dim])
	clear(out[5*dim : 6*dim])
	out[5*dim+dim/2] = 1
	copy(out[7*dim:8*dim], out[8*dim:9*dim])
	return out
}

var dims = []int{1, 3, 64, 100, 512}

func TestScoresAreWithinTheirBounds(t *testing.T) {
	for _, dim := range dims {
		full := rows(300, dim, 2)
		for _, k := range kernels() {
			small := New(full, dim)
			small.kernel = k
			var widest float64
			for i := 0; i < 300; i += 7 {
				x := full[i*dim : (i+1)*dim]
				got := make([]Score, 290)
				small.Scores(got, NewQuery(x), 10)
				for j, s := range got {
					want := vec.Dot(x, full[(10+j)*dim:(11+j)*dim])
					if !(math.Abs(s.Value-want) <= s.Bound) {
						t.Fatalf("%s dim %d: rows %d, %d: %v +- %v, want %v", k.name, dim, i, 10+j, s.Value, s.Bound, want)
					}
					widest = max(widest, s.Bound)
				}
			}
			if widest > 0.02 {
				t.Errorf("dim %d: bounds to %v decide nothing", dim, widest)
			}
		}
	}
}

func TestAJoinMeetsEveryPairOverTheFloor(t *testing.T) {
	const floor = 0.9
	for _, dim := range dims {
		full, others := rows(203, dim, 3), rows(67, dim, 3)
		for _, k := range kernels() {
			a, b := New(full, dim), New(others, dim)
			a.kernel, b.kernel = k, k
			for _, c := range []struct {
				name string
				b    *Rows
				rows []float32
				half bool
			}{{"other", b, others, false}, {"self", a, full, false}, {"half", a, full, true}} {
				t.Run(fmt.Sprint(k.name, dim, c.name), func(t *testing.T) {
					met := map[[2]int]bool{}
					var mu sync.Mutex
					err := Join(context.Background(), a, c.b, c.half, func(int) float64 { return floor }, func(_ int, p Pair) {
						mu.Lock()
						defer mu.Unlock()
						if met[[2]int{p.A, p.B}] {
							t.Errorf("pair %d, %d comes twice", p.A, p.B)
						}
						met[[2]int{p.A, p.B}] = true
						want := vec.Dot(full[p.A*dim:(p.A+1)*dim], c.rows[p.B*dim:(p.B+1)*dim])
						if math.Abs(want-p.Value) > p.Bound || want < floor-2*p.Bound {
							t.Errorf("pair %d, %d: %v +- %v, want %v", p.A, p.B, p.Value, p.Bound, want)
						}
					})
					if err != nil {
						t.Fatal(err)
					}
					for i := range a.N {
						for j := range c.b.N {
							over := vec.Dot(full[i*dim:(i+1)*dim], c.rows[j*dim:(j+1)*dim]) >= floor
							if over && (!c.half || i < j) && !met[[2]int{i, j}] {
								t.Fatalf("pair %d, %d is missing", i, j)
							}
							if c.half && i >= j && met[[2]int{i, j}] {
								t.Fatalf("pair %d, %d is met from both sides", i, j)
							}
						}
					}
				})
			}
		}
	}
}

func TestAStoppedJoinSaysSo(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	a := New(rows(20, 8, 1), 8)
	if err := Join(ctx, a, a, true, func(int) float64 { return -1 }, func(int, Pair) {}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkJoin(b *testing.B) {
	const n, dim = 20_000, 512
	a := New(rows(n, dim, 1), dim)
	for _, k := range kernels() {
		if a.kernel = k; k.name == plain().name {
			continue // minutes
		}
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				if err := Join(b.Context(), a, a, true, func(int) float64 { return 0.96 }, func(int, Pair) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n*n/2/b.Elapsed().Seconds(), "pairs/s")
		})
	}
}

func BenchmarkScores(b *testing.B) {
	const n, dim = 200_000, 512
	full := rows(n, dim, 1)
	a := New(full, dim)
	q := NewQuery(full[:dim])
	out := make([]Score, n)
	for b.Loop() {
		a.Scores(out, q, 0)
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
}
