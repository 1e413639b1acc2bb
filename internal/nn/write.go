package nn

import (
	"context"
	"fmt"
	"io"

	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// Write writes parameters as a safetensors file, float32, in their order.
func Write(w io.Writer, params []*Param, metadata map[string]string) error {
	named := make([]Named, len(params))
	for i, p := range params {
		named[i] = Named{Name: p.Name, Shape: p.Shape, Tensor: p.tensor}
	}
	return WriteTensors(w, named, metadata)
}

// Named is a float32 tensor with the name that it has in a file.
type Named struct {
	Name   string
	Shape  []int
	Tensor *torch.Tensor
}

// NotFiniteError reports a tensor that is not written because one of its numbers is NaN or infinite.
type NotFiniteError struct{ Name string }

func (e *NotFiniteError) Error() string { return e.Name + ": one of its numbers is not finite" }

// WriteTensors writes named float32 tensors as a safetensors file, in their order. A number that is not finite is a *NotFiniteError.
func WriteTensors(w io.Writer, named []Named, metadata map[string]string) error {
	tensors := make([]safetensors.Tensor, len(named))
	err := torch.Do(context.Background(), func(*torch.Scope) error {
		for i, n := range named {
			tensors[i] = safetensors.Tensor{Name: n.Name, DType: safetensors.F32, Shape: torch.Int64s(n.Shape), Data: n.Tensor.Bytes()}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read tensors: %w", err)
	}
	for _, t := range tensors {
		if !t.Finite() {
			return &NotFiniteError{t.Name}
		}
	}
	return safetensors.Write(w, tensors, metadata)
}
