package contrastive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// WeightsError is a weights file that does not fit a model.
type WeightsError struct {
	Path, Reason string
}

func (e *WeightsError) Error() string { return e.Path + ": " + e.Reason }

// Load builds a model with the parameters of a safetensors file that has open_clip's names. A file that lacks a
// parameter, holds one too many or has another shape is a *WeightsError.
func Load(ctx context.Context, c Config, path string, at Placement) (*Model, error) {
	m := Declare(c)
	m.device, m.dtype = at.Device, at.DType
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, &WeightsError{Path: path, Reason: err.Error()}
	}
	defer file.Close()
	if err := fits(m.params.All(), file); err != nil {
		return nil, &WeightsError{Path: path, Reason: err.Error()}
	}
	err = torch.Do(ctx, func(*torch.Scope) error {
		m.params.FillFrom(at.Device, func(p *nn.Param) []byte {
			t, _ := file.Tensor(p.Name)
			return t.Data
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// fits compares names, types and shapes.
func fits(params []*nn.Param, file *safetensors.File) error {
	var missing, wrong []string
	wanted := map[string]bool{}
	for _, p := range params {
		wanted[p.Name] = true
		t, ok := file.Tensor(p.Name)
		switch {
		case !ok:
			missing = append(missing, p.Name)
		case t.DType != safetensors.F32:
			wrong = append(wrong, fmt.Sprintf("%s is %s, not F32", p.Name, t.DType))
		case !sameShape(p.Shape, t.Shape):
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", p.Name, t.Shape, p.Shape))
		}
	}
	var unexpected []string
	for _, name := range file.Names() {
		if !wanted[name] {
			unexpected = append(unexpected, name)
		}
	}
	return complaint(missing, unexpected, wrong)
}

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
	if len(keys) <= most {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), len(keys)-most)
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
