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

// mapped is the open files whose memory a model's parameters are.
type mapped struct {
	set    OpenSet
	pinner runtime.Pinner
}

func (b *mapped) release() {
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

// Need reports whether the features of these towers depend on a parameter.
func (t Towers) Need(name string) bool {
	image, decoder := strings.HasPrefix(name, "visual."), strings.HasPrefix(name, "text_decoder.")
	switch t {
	case ImageTower:
		return image || strings.HasPrefix(name, "logit_")
	case TextTower:
		return !image && !decoder
	}
	return true
}

// Checked is weights that fit a config.
type Checked struct {
	config Config
	towers Towers
	set    OpenSet
	values map[string]safetensors.Tensor
	int8   Int8
}

// Check compares a set with a config and looks for values of the needed towers that are not finite; it needs no libtorch. The result
// owns the set; on an error the set is closed.
func Check(c Config, set OpenSet, towers Towers) (*Checked, error) {
	return CheckInt8(c, set, towers, Int8{})
}

// Int8 is what is known of weights before they are opened.
type Int8 struct {
	Forms   Int8Forms // of some parameters, which are then not read in float32; the model takes them over
	Sound   bool      // these weights have been checked before: values are not looked at again
	Release func()    // gives the memory of the forms back, after they have been freed; nil: it is their own
}

// Free gives the forms and their memory back.
func (q *Int8) Free() {
	q.Forms.Free()
	if q.Release != nil {
		q.Release()
	}
	*q = Int8{}
}

// CheckInt8 is Check for a model some of whose matrices have 8-bit forms. The result owns the forms; on an error they are freed.
func CheckInt8(c Config, set OpenSet, towers Towers, q Int8) (*Checked, error) {
	var used []*nn.Param
	all := Declare(c).params.All()
	for _, p := range all {
		if towers.Need(p.Name) && q.Forms[p.Name] == nil {
			used = append(used, p)
		}
	}
	if err := shaped(all, set, stored); err != nil {
		defer set.Close() // files that were read only: there is nothing to lose
		q.Free()
		return nil, misfit(set, err)
	}
	if q.Sound {
		values := map[string]safetensors.Tensor{}
		for _, p := range used {
			values[p.Name], _ = set.Tensor(p.Name)
		}
		return &Checked{c, towers, set, values, q}, nil
	}
	values, err := sound(used, set)
	if err != nil {
		set.Close() // as above
		q.Free()
		return nil, &WeightsError{Reason: err.Error()}
	}
	return &Checked{c, towers, set, values, q}, nil
}

// Close gives the weights back that OpenMapped doesn't take over.
func (k *Checked) Close() {
	k.set.Close() // files that were read only: there is nothing to lose
	k.int8.Free()
}

// OpenMapped is Load for a model that is used and not trained. On the CPU, float32 parameters stay in the mapped files, and the
// parameters of a tower that is not needed have no memory: using that tower panics.
func (k *Checked) OpenMapped(ctx context.Context, at Placement) (*Model, error) {
	if at.Device != torch.CPU {
		m, err := Load(ctx, k.config, k.set, at)
		k.set.Close()
		return m, err
	}
	m := Declare(k.config)
	m.device, m.dtype, m.mapped = at.Device, at.DType, &mapped{set: k.set}
	err := torch.Do(ctx, func(*torch.Scope) error {
		m.params.FillMapped(func(p *nn.Param) []byte {
			if !k.towers.Need(p.Name) || k.int8.Forms[p.Name] != nil {
				return nil
			}
			return m.mapped.place(k.values[p.Name])
		})
		return nil
	})
	if err != nil {
		m.mapped.release()
		k.int8.Free()
		return nil, fmt.Errorf("load weights: %w", err)
	}
	m.UseInt8(k.int8.Forms)
	m.owned = k.int8
	return m, nil
}

// place returns a tensor's values as float32: its own memory, or a copy if they are stored in another type or not aligned.
func (b *mapped) place(t safetensors.Tensor) []byte {
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
