package model_test

import (
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

func TestEachPairIsInOnePart(t *testing.T) {
	m := model.Declare(modeltest.TinyConfig())
	for _, n := range []int{1, 15, 16, 33} {
		b := modeltest.Pairs(m.Config, n, 0)
		next, size := 0, len(b.Pixels)/n
		for _, p := range m.Split(b) {
			if p.From != next || p.N == 0 || len(p.Pixels) != p.N*size || len(p.Mode.DropKeys) != p.N || len(p.IDs) != p.N*b.MaxTokens {
				t.Errorf("of %d pairs: part from %d of %d, %d bytes, %d keys, %d ids", n, p.From, p.N, len(p.Pixels),
					len(p.Mode.DropKeys), len(p.IDs))
			}
			next += p.N
		}
		if next != n {
			t.Errorf("%d of %d pairs", next, n)
		}
	}
}

// open_clip keeps the sines and cosines of sin_cos_2d as they are, requires_grad=False.
func TestFixedPositionsAreNotTrained(t *testing.T) {
	names := func(m *model.Model) (out []string) {
		err := torch.Do(t.Context(), func(*torch.Scope) error {
			for _, p := range m.Trained() {
				out = append(out, p.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	learned := names(modeltest.NewTiny(t, modeltest.Unchanged))
	fixed := names(modeltest.NewTiny(t, func(c *model.Config) { c.Vision.PosEmbedType = "sin_cos_2d" }))
	if without := slices.DeleteFunc(learned, func(n string) bool { return n == "visual.positional_embedding" }); !slices.Equal(fixed,
		without) {
		t.Errorf("trained: %v", fixed)
	}
}
