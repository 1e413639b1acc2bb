package contrastive

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"unsafe"

	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/weights"
)

// OpenSet is weights in open files.
type OpenSet interface {
	weights.Set
	io.Closer
}

// borrowed is memory under a model that is not its own.
type borrowed struct {
	set    OpenSet
	pinner runtime.Pinner
}

func (b *borrowed) release() {
	b.pinner.Unpin()
	b.set.Close() // files that were read only: there is nothing to lose
}

// Borrow is Load for a model that is used and not trained. On the CPU float32 parameters stay where they are, in the mapped
// files: opening costs hardly more than checking them. The model owns the set from then on, and closes it.
func Borrow(ctx context.Context, c Config, set OpenSet, at Placement) (*Model, error) {
	if at.Device != torch.CPU {
		m, err := Load(ctx, c, set, at)
		set.Close()
		return m, err
	}
	m := Declare(c)
	m.device, m.dtype, m.borrowed = at.Device, at.DType, &borrowed{set: set}
	values, err := fitting(m.params.All(), set, stored)
	if err != nil {
		m.borrowed.release()
		return nil, &WeightsError{Reason: err.Error()}
	}
	err = torch.Do(ctx, func(*torch.Scope) error {
		m.params.Borrow(func(p *nn.Param) []byte { return m.borrowed.place(values[p.Name]) })
		return nil
	})
	if err != nil {
		m.borrowed.release()
		return nil, fmt.Errorf("load weights: %w", err)
	}
	return m, nil
}

// place gives a tensor's numbers as float32, where they are or, if that won't do, in memory of their own.
func (b *borrowed) place(t safetensors.Tensor) []byte {
	t, err := t.Convert(safetensors.F32)
	if err != nil {
		panic(err) // fitting has seen the types
	}
	data := t.Data
	if uintptr(unsafe.Pointer(unsafe.SliceData(data)))%4 != 0 {
		words := make([]float32, len(data)/4)
		own := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(data))
		copy(own, data)
		data = own
	}
	b.pinner.Pin(unsafe.SliceData(data))
	return data
}
