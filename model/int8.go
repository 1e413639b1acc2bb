package model

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// int8Items is the number of pictures or captions that a lane embeds at once in 8 bits: what they are while they pass through a block
// stays in the core's second-level cache.
const int8Items = 2

// Int8Forms are the 8-bit forms of a model's matrices by the names of their parameters. Their owner calls Free.
type Int8Forms map[string]*torch.Int8

// Free gives the memory of all forms back.
func (f Int8Forms) Free() {
	for _, q := range f {
		q.Free()
	}
}

// Names lists the forms in order.
func (f Int8Forms) Names() []string { return slices.Sorted(maps.Keys(f)) }

// quantizable lists the matrices that have 8-bit forms: those of the blocks of both towers. The decoder computes in float32.
func (m *Model) quantizable() []*nn.Param {
	var out []*nn.Param
	for _, p := range m.params.All() {
		if p.Quantizable() && !strings.HasPrefix(p.Name, "text_decoder.") {
			out = append(out, p)
		}
	}
	return out
}

// Int8Shapes are the shapes [out, in] of the matrices that Quantize makes forms of.
func (m *Model) Int8Shapes() map[string][2]int {
	out := map[string][2]int{}
	for _, p := range m.quantizable() {
		out[p.Name] = [2]int{p.Shape[0], p.Shape[1]}
	}
	return out
}

// Quantize makes the 8-bit forms of the matrices of both towers, which the model doesn't use yet.
func (m *Model) Quantize(ctx context.Context) (Int8Forms, error) {
	forms := Int8Forms{}
	err := torch.Do(ctx, func(*torch.Scope) error {
		for _, p := range m.quantizable() {
			forms[p.Name] = torch.QuantizeInt8(p.Tensor())
		}
		return nil
	})
	if err != nil {
		forms.Free()
		return nil, err
	}
	return forms, nil
}

// UseInt8 has the model compute with these forms, and with float32 where there is none. No forms: float32 throughout. They must
// outlive their use.
func (m *Model) UseInt8(forms Int8Forms) {
	m.int8 = len(forms) > 0
	for _, p := range m.quantizable() {
		p.SetInt8(forms[p.Name])
	}
}

// AdoptInt8 is UseInt8 with forms that are freed with the model.
func (m *Model) AdoptInt8(q Int8) {
	m.UseInt8(q.Forms)
	m.owned = q
}

// Int8 reports whether the model computes with 8-bit forms.
func (m *Model) Int8() bool { return m.int8 }

// Int8Errors embeds with run in float32 and measures what the 8-bit form of each matrix would make of its own product: the square root
// of the summed squares of the differences, over that of the results.
func (m *Model) Int8Errors(forms Int8Forms, run func() error) (map[string]float64, error) {
	type sums struct{ y, difference float64 }
	seen := map[string]*sums{}
	m.UseInt8(forms)
	m.int8 = false // no lanes: the sums are shared
	for _, p := range m.quantizable() {
		if forms[p.Name] == nil {
			continue
		}
		s := &sums{}
		seen[p.Name] = s
		p.Watch(func(y, difference *torch.Tensor) {
			s.y += y.Mul(y).Sum().Item()
			s.difference += difference.Mul(difference).Sum().Item()
		})
	}
	err := run()
	for _, p := range m.quantizable() {
		p.Watch(nil)
	}
	m.UseInt8(nil)
	out := map[string]float64{}
	for name, s := range seen {
		out[name] = math.Sqrt(s.difference / max(s.y, math.SmallestNonzeroFloat64))
	}
	return out, err
}
