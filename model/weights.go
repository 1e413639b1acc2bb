package model

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/nn"
	"clipgo/internal/parallel"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/weights"
)

// WeightsError is weights that do not fit a model. Path is empty where the weights are not a file's.
type WeightsError = nn.WeightsError

// Load builds a model with the parameters of a set under open_clip's names, stored in float32, float16 or bfloat16; the
// model's own are float32. A set that lacks a parameter, holds one too many, has another shape or a number that is NaN or
// infinite is a *WeightsError. The set may be closed afterwards.
func Load(ctx context.Context, c Config, set weights.Set, at Placement) (*Model, error) {
	m := Declare(c)
	m.device, m.dtype = at.Device, at.DType
	if err := shaped(m.params.All(), set, stored); err != nil {
		return nil, misfit(set, err)
	}
	values, err := sound(m.params.All(), set)
	if err != nil {
		return nil, &WeightsError{Reason: err.Error()}
	}
	if err := m.afford(); err != nil {
		return nil, err
	}
	err = torch.Do(ctx, func(*torch.Scope) error {
		m.params.FillFrom(at.Device, func(p *nn.Param) []byte {
			t, wrong := values[p.Name].Convert(safetensors.F32)
			if wrong != nil {
				panic(wrong) // fitting has seen the types
			}
			return t.Data
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load weights: %w", err)
	}
	return m, nil
}

// Matches checks a set whose tensors are taken as they are, float32.
func Matches(params []*nn.Param, set weights.Set) error {
	_, err := fitting(params, set, []safetensors.DType{safetensors.F32})
	return err
}

// fitting finds each parameter's tensor and compares names, types, shapes and values.
func fitting(params []*nn.Param, set weights.Set, types []safetensors.DType) (map[string]safetensors.Tensor, error) {
	if err := shaped(params, set, types); err != nil {
		return nil, err
	}
	return sound(params, set)
}

// sound reads the tensors of parameters, joining what is stored in parts, and names those with a value that is not finite.
func sound(params []*nn.Param, set weights.Set) (map[string]safetensors.Tensor, error) {
	values, spoiled, empty := make([]safetensors.Tensor, len(params)), make([]bool, len(params)), make([]bool, len(params))
	parallel.For(len(params), func(i int) {
		values[i], _ = set.Tensor(params[i].Name)
		spoiled[i] = !values[i].Finite()
		empty[i] = input(params[i].Name) && zero(values[i].Data)
	})
	found := map[string]safetensors.Tensor{}
	var wrong, zeros []string
	for i, p := range params {
		found[p.Name] = values[i]
		if spoiled[i] {
			wrong = append(wrong, p.Name)
		}
		if empty[i] {
			zeros = append(zeros, p.Name)
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("not a finite number in %s", abridge(wrong))
	}
	if len(zeros) > 0 {
		return nil, fmt.Errorf("nothing but zeros in %s, so every input would have the same features; is the file complete?",
			abridge(zeros))
	}
	return found, nil
}

// input reports whether a parameter is a tower's first or last matrix. No trained model has one of zeros; a file that was never filled
// has.
func input(name string) bool {
	switch name {
	case "visual.conv1.weight", "visual.trunk.patch_embed.proj.weight", "visual.proj", "token_embedding.weight",
		"text.token_embedding.weight", "text_projection", "text.text_projection", "text.text_projection.weight":
		return true
	}
	return false
}

// zero reports whether all bytes are zero. It reads up to the first other one.
func zero(data []byte) bool {
	for i := range data {
		if data[i] != 0 {
			return false
		}
	}
	return len(data) > 0
}

// shaped compares names, types and shapes.
func shaped(params []*nn.Param, set weights.Set, types []safetensors.DType) error {
	var missing, wrong, unexpected []string
	known := map[string]bool{}
	for _, p := range params {
		known[p.Name] = true
		dtype, shape, ok := weights.Shape(set, p.Name)
		switch {
		case !ok:
			missing = append(missing, p.Name)
		case !slices.Contains(types, dtype):
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", p.Name, dtype, types))
		case !sameShape(p.Shape, shape):
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", p.Name, shape, p.Shape))
		}
	}
	for _, name := range set.Names() {
		if !known[name] {
			unexpected = append(unexpected, name)
		}
	}
	return complaint(missing, unexpected, wrong)
}

// Fits compares a set with a config: names, types and shapes, not values. What doesn't fit is a *WeightsError.
func Fits(c Config, set weights.Set) error {
	if err := shaped(Declare(c).params.All(), set, stored); err != nil {
		return misfit(set, err)
	}
	return nil
}

// Sound reads all values of a set that Fits. Tensors with a number that is not finite, and matrices of nothing but zeros that make all
// inputs equal, are a *WeightsError that names them.
func Sound(c Config, set weights.Set) error {
	if _, err := sound(Declare(c).params.All(), set); err != nil {
		return &WeightsError{Reason: err.Error()}
	}
	return nil
}

// stored are the types that weights come in.
var stored = []safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16}

func complaint(missing, unexpected, wrong []string) error {
	var parts []string
	for _, c := range []struct {
		what string
		keys []string
	}{{"missing", missing}, {"unexpected", unexpected}, {"does not fit", wrong}} {
		if len(c.keys) > 0 {
			parts = append(parts, fmt.Sprintf("%s: %s", c.what, abridge(c.keys)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(parts, "; "))
}

// abridge lists the first few names, so that the complaint stays one readable line.
func abridge(keys []string) string {
	const most = 8
	slices.Sort(keys)
	var short []string
	for _, key := range keys[:min(len(keys), most)] {
		short = append(short, fault.Short(key))
	}
	if len(keys) <= most {
		return strings.Join(short, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(short, ", "), len(keys)-most)
}

func sameShape(want []int, got []int64) bool {
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if int64(want[i]) != got[i] {
			return false
		}
	}
	return true
}

// WriteWeights writes the parameters as safetensors, float32, under open_clip's names.
func (m *Model) WriteWeights(w io.Writer) error {
	return nn.Write(w, m.Params(), map[string]string{"format": "pt"})
}
