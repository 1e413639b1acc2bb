package model

import (
	"fmt"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/memory"
	"clipgo/internal/torch"
)

// MemoryError reports a model whose parameters don't fit in the free memory. It is found by counting, before anything is allocated.
type MemoryError struct {
	Need, Free int64 // bytes
	Towers     []TowerSize
}

// TowerSize is a part of a model with its parameters and the sizes in its config that make them.
type TowerSize struct {
	Name  string
	Count int64
	Sizes string
}

func (e *MemoryError) Error() string {
	var parts []string
	for _, p := range e.Towers {
		parts = append(parts, fmt.Sprintf("%s %.3g million: %s", p.Name, float64(p.Count)/1e6, p.Sizes))
	}
	return fmt.Sprintf("its parameters take %.3g GB, and %.3g GB of memory are free (%s)", float64(e.Need)/1e9, float64(e.Free)/1e9,
		strings.Join(parts, "; "))
}

// Fault is the error's kind: the config asks for it.
func (e *MemoryError) Fault() fault.Kind { return fault.Usage }

// Bytes is the memory of the parameters of a model in float32.
func (m *Model) Bytes() int64 { return 4 * m.ParameterCount() }

// Affordable compares the parameters with the free memory of this machine; nil where that isn't known. A tower that is counted more than
// once, as in training, is not: what is refused here can't be used at all.
func (m *Model) Affordable() error {
	free, err := memory.Available()
	if err != nil || m.Bytes() <= free {
		return nil
	}
	return &MemoryError{Need: m.Bytes(), Free: free, Towers: m.sizes()}
}

func (m *Model) sizes() []TowerSize {
	v, t := m.Config.Vision, m.Config.Text
	image, decoder := m.VisionParameterCount(), m.DecoderParameterCount()
	parts := []TowerSize{
		{"image tower", image, fmt.Sprintf("vision_cfg.width %d, layers %d, mlp_ratio %g", v.Width, v.Layers, v.MLPRatio)},
		{"text tower", m.ParameterCount() - image - decoder, fmt.Sprintf("text_cfg.width %d, layers %d, mlp_ratio %g, vocab_size %d, "+
			"context_length %d", t.Width, t.Layers, t.MLPRatio, t.VocabSize, t.ContextLength)},
	}
	if d := m.Config.Multimodal; d != nil {
		parts = append(parts, TowerSize{"decoder", decoder, fmt.Sprintf("multimodal_cfg.width %d, layers %d", d.Width, d.Layers)})
	}
	return parts
}

// afford is Affordable for a model whose parameters are made in this machine's memory.
func (m *Model) afford() error {
	if m.device != torch.CPU {
		return nil
	}
	return m.Affordable()
}
