package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"clipgo/internal/half"
	"clipgo/internal/safetensors"
)

// Interpolate returns (1-alpha)*a + alpha*b for all tensors, including logit_scale (WiSE-FT; Wortsman et al., 2022). Each number is
// computed in float64 and rounded once, to float32. With alpha 0 or 1 the result is exactly a or b, in its own type. The sets
// must have the same names and shapes, and must stay open while the result is used.
func Interpolate(a, b Set, alpha float64) (Set, error) {
	if math.IsNaN(alpha) || alpha < 0 || alpha > 1 {
		return nil, fmt.Errorf("alpha: %g is not between 0 and 1", alpha)
	}
	if err := alike(a, b); err != nil {
		return nil, err
	}
	switch alpha {
	case 0:
		return a, nil
	case 1:
		return b, nil
	}
	return blend([]Set{a, b}, func(v []float64) float64 { return (1-alpha)*v[0] + alpha*v[1] }), nil
}

// Average returns the mean of sets for all tensors (a uniform soup; Wortsman et al., 2022), with the arithmetic and the conditions of
// Interpolate.
func Average(sets ...Set) (Set, error) {
	if len(sets) == 0 {
		return nil, errors.New("average of no weights")
	}
	for i, s := range sets[1:] {
		if err := alike(sets[0], s); err != nil {
			return nil, fmt.Errorf("weights %d: %w", i+2, err)
		}
	}
	if len(sets) == 1 {
		return sets[0], nil
	}
	n := float64(len(sets))
	return blend(sets, func(v []float64) float64 {
		sum := 0.0
		for _, x := range v {
			sum += x
		}
		return sum / n
	}), nil
}

// alike checks that two sets hold tensors of the same names and shapes that are floating-point numbers.
func alike(a, b Set) error {
	var wrong []string
	for _, name := range a.Names() {
		x, _ := a.Tensor(name)
		y, ok := b.Tensor(name)
		switch {
		case !ok:
			wrong = append(wrong, name+" is in the first alone")
		case !slices.Equal(x.Shape, y.Shape):
			wrong = append(wrong, fmt.Sprintf("%s is %v in the first, %v in the second", name, x.Shape, y.Shape))
		case reader(x.DType) == nil || reader(y.DType) == nil:
			wrong = append(wrong, fmt.Sprintf("%s is %s and %s, not floating-point numbers", name, x.DType, y.DType))
		}
	}
	for _, name := range b.Names() {
		if _, ok := a.Tensor(name); !ok {
			wrong = append(wrong, name+" is in the second alone")
		}
	}
	const most = 4
	switch n := len(wrong); {
	case n == 0:
		return nil
	case n > most:
		return fmt.Errorf("%s and %d more difference(s)", strings.Join(wrong[:most], "; "), n-most)
	}
	return errors.New(strings.Join(wrong, "; "))
}

// blend combines sets elementwise. A tensor is computed on access.
func blend(sets []Set, join func(values []float64) float64) Set {
	out := &derived{entries: map[string]func() safetensors.Tensor{}}
	for _, name := range sets[0].Names() {
		out.add(name, func() safetensors.Tensor {
			parts := make([]safetensors.Tensor, len(sets))
			for i, s := range sets {
				parts[i], _ = s.Tensor(name)
			}
			return blended(parts, join)
		})
	}
	return out
}

func blended(parts []safetensors.Tensor, join func(values []float64) float64) safetensors.Tensor {
	first := parts[0]
	n := len(first.Data) / int(first.DType.Size())
	out := safetensors.Tensor{Name: first.Name, DType: safetensors.F32, Shape: first.Shape, Data: make([]byte, 4*n)}
	read := make([]func([]byte, int) float64, len(parts))
	for i, p := range parts {
		read[i] = reader(p.DType)
	}
	values := make([]float64, len(parts))
	for k := range n {
		for i, p := range parts {
			values[i] = read[i](p.Data, k)
		}
		binary.LittleEndian.PutUint32(out.Data[4*k:], math.Float32bits(float32(join(values))))
	}
	return out
}

// reader returns a function that reads the k-th number of a type's data exactly; nil for an integer type.
func reader(d safetensors.DType) func(data []byte, k int) float64 {
	switch d {
	case safetensors.F64:
		return func(data []byte, k int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(data[8*k:])) }
	case safetensors.F32:
		return func(data []byte, k int) float64 {
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*k:])))
		}
	case safetensors.F16:
		return func(data []byte, k int) float64 { return float64(half.Float16(binary.LittleEndian.Uint16(data[2*k:]))) }
	case safetensors.BF16:
		return func(data []byte, k int) float64 {
			return float64(half.BFloat16(binary.LittleEndian.Uint16(data[2*k:])))
		}
	}
	return nil
}
