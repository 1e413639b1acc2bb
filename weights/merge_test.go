package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/safetensors"
)

// tensors is a set for tests.
type tensors map[string]safetensors.Tensor

func (s tensors) Names() []string {
	var names []string
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s tensors) Tensor(name string) (safetensors.Tensor, bool) {
	t, ok := s[name]
	t.Name = name
	return t, ok
}

func floats32(shape []int64, values ...float32) safetensors.Tensor {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return safetensors.Tensor{DType: safetensors.F32, Shape: shape, Data: data}
}

// numbers reads a float32 tensor back.
func numbers(t testing.TB, s Set, name string) []float32 {
	t.Helper()
	x, ok := s.Tensor(name)
	if !ok || x.DType != safetensors.F32 || x.Name != name {
		t.Fatalf("%s: %v, %s under the name %q", name, ok, x.DType, x.Name)
	}
	var out []float32
	for b := x.Data; len(b) > 0; b = b[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return out
}

// random are weights over seven orders of magnitude.
func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * math.Pow(10, r.Float64()*7-6))
	}
	return out
}

// The oracle is exact arithmetic. float64's own error, 2^-51 of the largest term with room to spare, shows only where the exact
// value is that close to the middle between two numbers of float32: both are right there.
func TestMergeIsExactArithmeticRoundedOnce(t *testing.T) {
	const n = 20_000
	x, y, z := random(1, n), random(2, n), random(3, n)
	a, b, c := tensors{"w": floats32([]int64{n}, x...)}, tensors{"w": floats32([]int64{n}, y...)}, tensors{"w": floats32([]int64{n}, z...)}
	exact := func(v float32) *big.Rat { return new(big.Rat).SetFloat64(float64(v)) }
	check := func(name string, s Set, err error, want func(i int) *big.Rat) {
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range numbers(t, s, "w") {
			w, _ := want(i).Float64()
			slack := 0x1p-51 * float64(max(abs(x[i]), abs(y[i]), abs(z[i])))
			if got < float32(w-slack) || got > float32(w+slack) {
				t.Fatalf("%s: number %d is %g, want %g", name, i, got, w)
			}
		}
	}
	for _, alpha := range []float64{0.5, 0.1, 0.3, 0.9, 1e-9} {
		s, err := Interpolate(a, b, alpha)
		share := new(big.Rat).SetFloat64(alpha)
		rest := new(big.Rat).Sub(big.NewRat(1, 1), share)
		check(fmt.Sprint("alpha ", alpha), s, err, func(i int) *big.Rat {
			left, right := new(big.Rat).Mul(rest, exact(x[i])), new(big.Rat).Mul(share, exact(y[i]))
			return left.Add(left, right)
		})
	}
	s, err := Average(a, b, c)
	check("average", s, err, func(i int) *big.Rat {
		sum := new(big.Rat).Add(exact(x[i]), exact(y[i]))
		return sum.Mul(sum.Add(sum, exact(z[i])), big.NewRat(1, 3))
	})
}

func abs(v float32) float32 { return max(v, -v) }

func TestEndsOfAnInterpolationAreTheModelsThemselves(t *testing.T) {
	odd := floats32([]int64{4}, float32(math.Copysign(0, -1)), 1e-45, math.MaxFloat32, -3)
	binary.LittleEndian.PutUint32(odd.Data[12:], 0x7fc12345) // NaN with a payload
	half := safetensors.Tensor{DType: safetensors.F16, Shape: []int64{4}, Data: []byte{1, 0, 2, 0, 0, 0x80, 0xff, 0x7b}}
	a, b := tensors{"w": odd}, tensors{"w": half}
	for alpha, want := range map[float64]safetensors.Tensor{0: odd, 1: half} {
		s, err := Interpolate(a, b, alpha)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := s.Tensor("w")
		if got.DType != want.DType || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("alpha %g: %s %x, want %s %x", alpha, got.DType, got.Data, want.DType, want.Data)
		}
	}
}

func TestMergeOfAModelWithItselfIsTheModel(t *testing.T) {
	x := random(7, 10_000)
	a := tensors{"w": floats32([]int64{100, 100}, x...), "logit_scale": floats32([]int64{}, 4.6)}
	mean, err := Average(a, a, a)
	if err != nil {
		t.Fatal(err)
	}
	between, err := Interpolate(a, a, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Set{mean, between} {
		if !slices.Equal(numbers(t, s, "w"), x) || numbers(t, s, "logit_scale")[0] != 4.6 {
			t.Error("the numbers changed")
		}
		if w, _ := s.Tensor("w"); !slices.Equal(w.Shape, []int64{100, 100}) {
			t.Errorf("the shape became %v", w.Shape)
		}
	}
}

// Every float16 and bfloat16 is read as the package of containers reads it.
func TestHalfPrecisionIsReadExactly(t *testing.T) {
	for _, d := range []safetensors.DType{safetensors.F16, safetensors.BF16} {
		all := safetensors.Tensor{DType: d, Shape: []int64{1 << 16}}
		for bits := range 1 << 16 {
			all.Data = binary.LittleEndian.AppendUint16(all.Data, uint16(bits))
		}
		wide, err := all.Convert(safetensors.F32)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 1 << 16 {
			got, want := reader(d)(all.Data, k), reader(safetensors.F32)(wide.Data, k)
			if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%s %04x is %g, want %g", d, k, got, want)
			}
		}
	}
}

func TestWeightsThatDoNotMatchAreNamed(t *testing.T) {
	one := floats32([]int64{1}, 1)
	a := tensors{"w": one, "v": one}
	for _, test := range []struct {
		b    tensors
		want string
	}{
		{tensors{"w": one}, "v is in the first alone"},
		{tensors{"w": one, "v": one, "u": one}, "u is in the second alone"},
		{tensors{"w": one, "v": floats32([]int64{1, 1}, 1)}, "v is [1] in the first, [1 1] in the second"},
		{tensors{"w": one, "v": {DType: safetensors.I64, Shape: []int64{1}, Data: make([]byte, 8)}}, "not floating-point"},
		{tensors{"q": one, "r": one, "s": one}, "and 1 more difference"},
	} {
		for _, alpha := range []float64{0, 0.5} {
			if _, err := Interpolate(a, test.b, alpha); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		}
		if _, err := Average(a, a, test.b); err == nil || !strings.Contains(err.Error(), "weights 3: ") {
			t.Errorf("%v does not say which", err)
		}
	}
	for _, alpha := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		if _, err := Interpolate(a, a, alpha); err == nil {
			t.Errorf("alpha %g is taken", alpha)
		}
	}
	if _, err := Average(); err == nil {
		t.Error("an average of nothing")
	}
}
