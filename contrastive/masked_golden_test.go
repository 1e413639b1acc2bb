package contrastive

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

// Loss and gradients of masked words on open_clip's text tower, which torch computed in float64.
func TestGoldenMaskedWords(t *testing.T) {
	dir := golden.Dir(t, "masked")
	m := modeltest.LoadFixture(t, golden.Dir(t, "model/clip-gelu"), torch.Float32)
	arrays := golden.Tensors(t, filepath.Join(dir, "case.safetensors"))
	data, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Loss  float64
		Right int
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	w, err := NewMaskedWords(t.Context(), m, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Free()
	w.Weight = 1
	if err := w.Read(t.Context(), filepath.Join(dir, "heads.safetensors")); err != nil {
		t.Fatal(err)
	}
	o := &Objective{Model: m, Words: w}
	modeltest.Grad(t, func(s *torch.Scope) {
		h := maskedCase(arrays)
		w.backward(s, m.Text(), h)
		modeltest.Near(t, "loss", []float32{float32(h.loss.Item())}, []float32{float32(want.Loss)}, golden.Tol{RelMax: 1e-5})
		if n := h.right(); n != want.Right {
			t.Errorf("%d are right, want %d", n, want.Right)
		}
		compared := 0
		for _, p := range o.Params() {
			if d, ok := arrays["d_"+p.Name]; ok {
				modeltest.Near(t, p.Name, p.Tensor().Gradient(s).Float32s(), d.F32, golden.Tol{RelMax: 1e-5})
				compared++
			}
		}
		for name := range arrays {
			if strings.HasPrefix(name, "d_") {
				compared--
			}
		}
		if compared != 0 {
			t.Errorf("%d gradients of the fixture were not compared", -compared)
		}
		torch.DropGradients(modeltest.Leaves(m.Params()))
		torch.DropGradients(w.params.Tensors())
	})
}

// maskedCase reads what the fixture hid.
func maskedCase(arrays map[string]golden.Tensor) *maskedPart {
	h := &maskedPart{MaskedBatch: MaskedBatch{Masked: losses.Masked{IDs: modeltest.Narrow(arrays["ids"].I64)}}}
	for _, n := range arrays["lengths"].I64 {
		h.Lengths = append(h.Lengths, int(n))
	}
	for i, target := range arrays["labels"].I64 {
		if target != losses.Ignore {
			h.Chosen, h.Targets = append(h.Chosen, i), append(h.Targets, target)
		}
		if arrays["hidden"].U8[i] == 1 {
			h.Hidden = append(h.Hidden, i)
		}
	}
	h.over = len(h.Chosen)
	return h
}
