package torch_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// linearInt8 runs LinearInt8 on rows of k numbers with weights [n, k], on so many threads.
func linearInt8(t *testing.T, x, w, bias []float32, n, threads int, f torch.Elementwise, residual []float32) []float32 {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	k := len(w) / n
	var out []float32
	err := torch.DoRows(context.Background(), func(s *torch.Scope) error {
		q := torch.QuantizeInt8(torch.From(s, w, n, k))
		defer q.Free()
		var b, r *torch.Tensor
		if bias != nil {
			b = torch.From(s, bias, n)
		}
		if residual != nil {
			r = torch.From(s, residual, len(x)/k, n)
		}
		out = torch.From(s, x, len(x)/k, k).LinearInt8(q, b, f, r).Float32s()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// quantizedRow is the definition of a row's bytes.
func quantizedRow(x []float32) (u []int32, scale float32, zero int32) {
	low, high := min(0, slices.Min(x)), max(0, slices.Max(x))
	u = make([]int32, len(x))
	if span := high - low; span >= 1e-30 {
		inverse := 255 / span
		zero = int32(math.RoundToEven(float64(-low * inverse)))
		for i, v := range x {
			u[i] = min(255, max(0, int32(math.RoundToEven(float64(v*inverse)))+zero))
		}
		return u, span / 255, zero
	}
	return u, 0, 0
}

// wantInt8 is the definition of LinearInt8 without activation and residual.
func wantInt8(x, w, bias []float32, n int) []float32 {
	k := len(w) / n
	var out []float32
	for i := 0; i < len(x); i += k {
		u, scale, zero := quantizedRow(x[i : i+k])
		for j := range n {
			row := w[j*k : (j+1)*k]
			most := max(slices.Max(row), -slices.Min(row))
			var sum, ofWeights int32
			for c, v := range row {
				q := int32(math.RoundToEven(float64(v * (127 / most))))
				sum, ofWeights = sum+u[c]*q, ofWeights+q
			}
			y := float32(sum-ofWeights*zero) * (most / 127 * scale)
			out = append(out, y+bias[j])
		}
	}
	return out
}

// int8Rows are m rows of k numbers: random ones of different sizes, zeros, equal ones, those that fill the bytes, tiny ones.
func int8Rows(rng *rand.Rand, m, k int) []float32 {
	x := normals(rng, m*k)
	for i := range m {
		row := x[i*k : (i+1)*k]
		for j := range row {
			switch i % 7 {
			case 1:
				row[j] = 0
			case 2:
				row[j] = 3
			case 3:
				row[j] = -5
			case 4:
				row[j] = []float32{-1000, 1000}[j%2]
			case 5:
				row[j] *= 1e-35
			case 6:
				row[j] *= 1e20
			}
		}
	}
	return x
}

// TestInt8IsExact: the integers are exact, in all tails of tiles and panels and where 16 bits would overflow, so that the result has the
// bytes of the definition with any instructions.
func TestInt8IsExact(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	t.Log("kernel", torch.Int8Kernel())
	rng := rand.New(rand.NewPCG(5, 6))
	for _, k := range []int{1, 3, 4, 15, 16, 17, 64, 130} {
		for _, n := range []int{1, 15, 16, 17, 33, 65} {
			w, bias := normals(rng, n*k), normals(rng, n)
			for j := range k { // a column that is nothing but the largest
				w[j] = 2
			}
			for _, m := range []int{1, 2, 11, 12, 13, 27, 115} {
				x := int8Rows(rng, m, k)
				got, want := linearInt8(t, x, w, bias, n, 1, torch.Identity, nil), wantInt8(x, w, bias, n)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("[%d, %d] to %d: row %d, column %d is %g, want %g", m, k, n, i/n, i%n, got[i], want[i])
					}
				}
			}
		}
	}
}

// TestInt8RowsStandAlone: a row has the same bytes alone, among others and on any number of threads.
func TestInt8RowsStandAlone(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	rng := rand.New(rand.NewPCG(7, 8))
	const m, k, n = 61, 133, 75
	x, w, bias, residual := int8Rows(rng, m, k), normals(rng, n*k), normals(rng, n), normals(rng, m*n)
	for f := torch.Identity; f <= torch.ApplyQuickGELU; f++ {
		whole := linearInt8(t, x, w, bias, n, 1, f, residual)
		for _, c := range []struct{ part, threads int }{{1, 1}, {7, 2}, {24, 2}, {m, 2}, {m, 3}} {
			for from := 0; from < m; from += c.part {
				to := min(m, from+c.part)
				got := linearInt8(t, x[from*k:to*k], w, bias, n, c.threads, f, residual[from*n:to*n])
				if !slices.Equal(got, whole[from*n:to*n]) {
					t.Fatalf("function %d: rows [%d, %d) on %d threads differ from those of the whole", f, from, to, c.threads)
				}
			}
		}
	}
}

// TestInt8Functions: activations are those of float32 on the same products, and a residual is added after them.
func TestInt8Functions(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	logistic := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	functions := map[torch.Elementwise]func(float64) float64{
		torch.ApplyGELU:      func(v float64) float64 { return v * math.Erfc(-v/math.Sqrt2) / 2 },
		torch.ApplyGELUTanh:  func(v float64) float64 { return v * logistic(2*math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)) },
		torch.ApplyQuickGELU: func(v float64) float64 { return v * logistic(1.702*v) },
	}
	var x []float32
	for v := float32(-200); v <= 200; v += 0.37 {
		x = append(x, v, v/30, 0)
	}
	w := []float32{1, 0, 0, 0, 1, 0}
	plain, residual := linearInt8(t, x, w, nil, 2, 1, torch.Identity, nil), normals(rand.New(rand.NewPCG(9, 9)), 2*len(x)/3)
	for f, want := range functions {
		got, sum := linearInt8(t, x, w, nil, 2, 1, f, nil), linearInt8(t, x, w, nil, 2, 1, f, residual)
		for i, v := range plain {
			exact := want(float64(v))
			if math.Abs(float64(got[i])-exact) > 1e-6*(1+math.Abs(exact)) {
				t.Fatalf("function %d of %g is %g, want %g", f, v, got[i], exact)
			}
			if sum[i] != residual[i]+got[i] {
				t.Fatalf("function %d: %g with the residual %g is %g", f, got[i], residual[i], sum[i])
			}
		}
	}
}

// TestInt8NotFinite: a row with a number that is not finite, or whose range is none, is NaN, and the rows beside it are what they were.
func TestInt8NotFinite(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	const k, n = 21, 5
	rng := rand.New(rand.NewPCG(3, 4))
	w := normals(rng, n*k)
	for _, wrong := range [][]float32{{float32(math.NaN())}, {float32(math.Inf(1))}, {float32(math.Inf(-1))}, {3e38, -3e38}} {
		for _, at := range []int{0, 15, k - len(wrong)} {
			x := normals(rng, 3*k)
			clean := linearInt8(t, x, w, nil, n, 1, torch.ApplyGELU, nil)
			copy(x[k+at:2*k], wrong)
			got := linearInt8(t, x, w, nil, n, 1, torch.ApplyGELU, nil)
			name := fmt.Sprintf("%v at %d", wrong, at)
			if !slices.Equal(got[:n], clean[:n]) || !slices.Equal(got[2*n:], clean[2*n:]) {
				t.Errorf("%s: the other rows have changed", name)
			}
			for _, v := range got[n : 2*n] {
				if v == v {
					t.Errorf("%s: the row has %g, not NaN", name, v)
				}
			}
		}
	}
}

// TestInt8WithOtherInstructions: the bytes are those of the definition with the instructions of lesser CPUs, too.
func TestInt8WithOtherInstructions(t *testing.T) {
	torchtest.Need(t)
	if testing.Short() {
		t.Skip("runs tests in other processes")
	}
	for _, capability := range []string{"avx2", "default"} {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestInt8(IsExact|NotFinite)$", "-test.v")
		again.Env = append(os.Environ(), "ATEN_CPU_CAPABILITY="+capability)
		out, err := again.CombinedOutput()
		if err != nil || capability == "default" && !strings.Contains(string(out), "kernel plain") {
			t.Errorf("ATEN_CPU_CAPABILITY=%s: %v\n%s", capability, err, out)
		}
	}
}
