package model

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
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

// Towers says which towers a use needs.
type Towers int

// A query of words needs the text tower alone, pictures without captions the image tower.
const (
	BothTowers Towers = iota
	ImageTower
	TextTower
)

// need tells whether a parameter has a part in the features of these towers.
func (t Towers) need(name string) bool {
	image, decoder := strings.HasPrefix(name, "visual."), strings.HasPrefix(name, "text_decoder.")
	switch t {
	case ImageTower:
		return image || strings.HasPrefix(name, "logit_")
	case TextTower:
		return !image && !decoder
	}
	return true
}

// Checked is weights that fit a model and are ready to be used by it.
type Checked struct {
	config Config
	towers Towers
	set    OpenSet
	values map[string]safetensors.Tensor
}

// Check compares a set with a config and looks at every number of the towers that will be used; it needs no libtorch. The
// set is the result's from then on, or closed.
func Check(c Config, set OpenSet, towers Towers) (*Checked, error) {
	var used []*nn.Param
	all := Declare(c).params.All()
	for _, p := range all {
		if towers.need(p.Name) {
			used = append(used, p)
		}
	}
	err := shaped(all, set, stored)
	var values map[string]safetensors.Tensor
	if err == nil {
		values, err = sound(used, set)
	}
	if err != nil {
		set.Close() // files that were read only: there is nothing to lose
		return nil, &WeightsError{Reason: err.Error()}
	}
	return &Checked{c, towers, set, values}, nil
}

// Borrow is Load for a model that is used and not trained. On the CPU float32 parameters stay where they are, in the mapped
// files, and those of a tower that is not needed have no memory: using that tower panics.
func (k *Checked) Borrow(ctx context.Context, at Placement) (*Model, error) {
	if at.Device != torch.CPU {
		m, err := Load(ctx, k.config, k.set, at)
		k.set.Close()
		return m, err
	}
	m := Declare(k.config)
	m.device, m.dtype, m.borrowed = at.Device, at.DType, &borrowed{set: k.set}
	err := torch.Do(ctx, func(*torch.Scope) error {
		m.params.Borrow(func(p *nn.Param) []byte {
			if !k.towers.need(p.Name) {
				return nil
			}
			return m.borrowed.place(k.values[p.Name])
		})
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
		panic(err) // shaped has seen the types
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
