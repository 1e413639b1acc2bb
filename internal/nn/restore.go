package nn

import (
	"context"
	"fmt"
	"slices"

	"clipgo/internal/fault"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// WeightsError reports weights that don't fit a model or a part of one. Path is empty if the weights don't come from a file.
type WeightsError struct {
	Path, Reason string
}

func (e *WeightsError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Fault is the error's kind.
func (e *WeightsError) Fault() fault.Kind { return fault.Model }

// Restore loads parameters by name from a file of Write's, and returns the file's metadata. The parameters must be allocated (Fill);
// the file may hold more tensors. A parameter that is missing, has another type or shape, or has a value that is not finite is
// a *WeightsError, and no parameter changes.
func Restore(ctx context.Context, params []*Param, path string) (metadata map[string]string, err error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, &WeightsError{Path: path, Reason: err.Error()}
	}
	defer file.Close()
	values := make([][]byte, len(params))
	for i, p := range params {
		t, ok := file.Tensor(p.Name)
		switch {
		case !ok || t.DType != safetensors.F32 || !slices.Equal(t.Shape, torch.Int64s(p.Shape)):
			return nil, &WeightsError{Path: path, Reason: fmt.Sprintf("holds no %s of %v in float32", p.Name, p.Shape)}
		case !t.Finite():
			return nil, &WeightsError{Path: path, Reason: "not a finite number in " + p.Name}
		}
		values[i] = t.Data
	}
	return file.Metadata(), torch.Do(ctx, func(*torch.Scope) error {
		for i, p := range params {
			p.Tensor().OverwriteInPlace(values[i])
		}
		return nil
	})
}
