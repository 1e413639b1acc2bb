package torch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"

	"golang.org/x/sys/unix"
)

var dtypes = []torch.DType{torch.Uint8, torch.Int64, torch.Float16, torch.Float32, torch.Float64, torch.BFloat16}

func TestBytesComeBackAsTheyWent(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, d := range dtypes {
		for _, shape := range [][]int{{2, 3}, {1}, {}, {0, 3}} {
			t.Run(fmt.Sprint(d, shape), func(t *testing.T) {
				data, other := make([]byte, product(shape)*d.Size()), make([]byte, product(shape)*d.Size())
				for i := range data {
					data[i], other[i] = byte(rng.Uint32()), byte(rng.Uint32())
				}
				inScope(t, func(s *torch.Scope) {
					x := torch.FromBytes(s, data, d, torch.CPU, shape...)
					if !bytes.Equal(x.Bytes(), data) || x.DType() != d || !equalShapes(x.Shape(), shape) || x.Device() != torch.CPU {
						t.Errorf("got %x of type %d and shape %v, want %x of %d and %v", x.Bytes(), x.DType(), x.Shape(), data, d, shape)
					}
					x.OverwriteInPlace(other)
					if !bytes.Equal(x.Bytes(), other) {
						t.Errorf("overwritten: %x, want %x", x.Bytes(), other)
					}
				})
			})
		}
	}
}

func TestViewsShareMemoryThatIsNotGos(t *testing.T) {
	memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(memory) }()
	for _, d := range dtypes {
		inScope(t, func(s *torch.Scope) {
			x := torch.View(s, unsafe.Pointer(unsafe.SliceData(memory)), d, 2, 2)
			for i := range 4 * d.Size() {
				memory[i] = byte(i + 1)
			}
			if got := x.Bytes(); !bytes.Equal(got, memory[:4*d.Size()]) {
				t.Errorf("type %d: %x, want %x", d, got, memory[:4*d.Size()])
			}
		})
	}
}

func TestFromTakesTheSlicesOwnType(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		for _, c := range []struct {
			x    *torch.Tensor
			want torch.DType
		}{
			{torch.From(s, []uint8{1, 2}, 2), torch.Uint8}, {torch.From(s, []int64{1, 2}, 2), torch.Int64},
			{torch.From(s, []float32{1, 2}, 2), torch.Float32}, {torch.From(s, []float64{1, 2}, 2), torch.Float64},
		} {
			if c.x.DType() != c.want {
				t.Errorf("type %d, want %d", c.x.DType(), c.want)
			}
			compare(t, "values", c.x, array{[]int{2}, []float64{1, 2}}, 0)
		}
		compare(t, "empty", torch.From(s, []float32{}, 0, 4), array{shape: []int{0, 4}}, 0)
		compare(t, "Arange", torch.Arange(s, 4, torch.CPU), array{[]int{4}, []float64{0, 1, 2, 3}}, 0)
		compare(t, "Arange of nothing", torch.Arange(s, 0, torch.CPU), array{shape: []int{0}}, 0)
		compare(t, "Zeros", torch.Zeros(s, torch.BFloat16, torch.CPU, 2, 1), array{[]int{2, 1}, []float64{0, 0}}, 0)
		compare(t, "Zeros without dimensions", torch.Zeros(s, torch.Float32, torch.CPU), scalarOf(0), 0)
	})
}

// The data is copied: Go may reuse its slice at once.
func TestFromCopies(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		data := []float32{1, 2}
		x := torch.From(s, data, 2)
		data[0] = 7
		compare(t, "values", x, array{[]int{2}, []float64{1, 2}}, 0)
	})
}

func TestConversionRoundsToNearest(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		values := []float64{1, 1 + 1.0/256, 1 + 3.0/256, 1 + 1.0/1024, -3.14159, 1e-30, 3e38}
		for i, v := range torch.From(s, values, len(values)).To(torch.Float32).To(torch.BFloat16).Float64s() {
			if want := roundBF16(values[i]); v != want {
				t.Errorf("%g became %g, want %g", values[i], v, want)
			}
		}
		compare(t, "bytes to float", torch.From(s, []uint8{0, 255}, 2).To(torch.Float32), array{[]int{2}, []float64{0, 255}}, 0)
	})
}

func TestPixelsFollowTheFormula(t *testing.T) {
	mean, std := [3]float64{0.48145466, 0.4578275, 0.40821073}, [3]float64{0.26862954, 0.26130258, 0.27577711}
	for _, c := range []struct{ n, size int }{{1, 1}, {3, 5}, {2, 16}} {
		pixels := make([]uint8, c.n*c.size*c.size*3)
		for i := range pixels {
			pixels[i] = uint8(i*37 + i/256)
		}
		want := build([]int{c.n, 3, c.size, c.size}, func(i []int) float64 {
			v := pixels[((i[0]*c.size+i[2])*c.size+i[3])*3+i[1]]
			return (float64(v)/255 - mean[i[1]]) / std[i[1]]
		})
		inScope(t, func(s *torch.Scope) {
			compare(t, fmt.Sprint(c), torch.Pixels(s, pixels, c.n, mean, std, torch.CPU), want, 3e-7) // three float32 roundings
		})
	}
	inScope(t, func(s *torch.Scope) {
		mustPanic(t, "not 2 square pictures", func() { torch.Pixels(s, make([]uint8, 11), 2, mean, std, torch.CPU) })
	})
}

func TestClampInPlaceLimitsAndKeepsTheRest(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		x := torch.From(s, []float64{-1, 0.5, math.Inf(1)}, 3).Trainable()
		x.ClampInPlace(0, 1)
		compare(t, "clamped", x, array{[]int{3}, []float64{0, 0.5, 1}}, 0)
	})
}

func TestWrongSizesPanicPlainly(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		mustPanic(t, "From: 3 numbers for shape [2 2]", func() { torch.From(s, []float32{1, 2, 3}, 2, 2) })
		mustPanic(t, "FromBytes: 3 bytes for shape [1]", func() { torch.FromBytes(s, make([]byte, 3), torch.Float32, torch.CPU, 1) })
		mustPanic(t, "Overwrite: 3 bytes for 4", func() { torch.From(s, []float32{1}, 1).OverwriteInPlace(make([]byte, 3)) })
		mustPanic(t, "Item of shape [2]", func() { torch.From(s, []float32{1, 2}, 2).Item() })
		if got := torch.From(s, []float32{2.5}, 1, 1).Item(); got != 2.5 {
			t.Errorf("Item is %v", got)
		}
	})
}

func TestErrorsAreTyped(t *testing.T) {
	torchtest.Need(t)
	for _, c := range []struct {
		op     string
		f      func(x *torch.Tensor)
		memory bool
	}{
		{"Reshape", func(x *torch.Tensor) { x.Reshape(5) }, false},
		{"Select", func(x *torch.Tensor) { x.Select(2, 0) }, false},
		{"Backward", func(x *torch.Tensor) { x.Backward() }, false},
		{"Embedding", func(x *torch.Tensor) { x.Embedding(torch.From(x.Scope(), []int64{9}, 1)) }, false},
		{"Zeros", func(x *torch.Tensor) { torch.Zeros(x.Scope(), torch.Float32, torch.CPU, 1<<46) }, true},
	} {
		t.Run(c.op, func(t *testing.T) {
			err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
				c.f(torch.From(s, []float32{1, 2, 3, 4}, 2, 2))
				return nil
			})
			var e *torch.Error
			if !errors.As(err, &e) || e.Op != c.op || e.OutOfMemory() != c.memory {
				t.Errorf("got %v, want a *torch.Error of %s (out of memory: %v)", err, c.op, c.memory)
			}
		})
	}
}

func TestOperandsOfUnrelatedScopesPanic(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{1}, 1)
		torch.Tidy(x, func(a *torch.Tensor) *torch.Tensor {
			mustPanic(t, "the scope outlives the tensor", func() { a.Exp().In(s) })
			return a.Exp()
		})
		torch.Tidy(x, func(a *torch.Tensor) *torch.Tensor {
			inner := a.Exp()
			return torch.Tidy(x, func(b *torch.Tensor) *torch.Tensor {
				mustPanic(t, "two unrelated scopes", func() { b.Add(inner) })
				return b.Exp()
			})
		})
	})
}

func TestOtherPanicsGoToTheCallerOfDo(t *testing.T) {
	torchtest.Need(t)
	before := torch.Live()
	mustPanic(t, "a mistake", func() {
		_ = torch.Do(t.Context(), func(s *torch.Scope) error {
			torch.From(s, []float32{1}, 1)
			panic("a mistake")
		})
	})
	if torch.Live() != before {
		t.Error("a crash in Do left handles behind")
	}
}
