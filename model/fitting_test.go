package model

import (
	"slices"
	"strings"
	"testing"

	"clipgo/internal/safetensors"
)

// declared is a set with the names and shapes of a config's parameters, and no data.
type declared struct{ m *Model }

func (d declared) Names() (names []string) {
	for _, p := range d.m.Params() {
		names = append(names, p.Name)
	}
	return names
}

func (d declared) Tensor(name string) (safetensors.Tensor, bool) {
	for _, p := range d.m.Params() {
		if p.Name == name {
			t := safetensors.Tensor{Name: name, DType: safetensors.F32}
			for _, n := range p.Shape {
				t.Shape = append(t.Shape, int64(n))
			}
			return t, true
		}
	}
	return safetensors.Tensor{}, false
}

func TestWeightsOfAnotherConfigAreRecognized(t *testing.T) {
	config := func(name string) Config {
		c, err := NamedConfig(name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	set := declared{Declare(config("ViT-Nano-16-64"))}
	if err := Fits(config("ViT-Nano-16-64"), set); err != nil {
		t.Error(err)
	}
	err := Fits(config("ViT-B-32"), set)
	if err == nil || !strings.Contains(err.Error(), "these weights fit ViT-Nano-16-64, not the config") || len(err.Error()) > 400 {
		t.Errorf("%v", err)
	}
	if got := Fitting(declared{Declare(config("ViT-B-32-quickgelu"))}); !slices.Equal(got, []string{"ViT-B-32", "ViT-B-32-quickgelu"}) {
		t.Errorf("%q", got)
	}
	odd := config("ViT-Nano-16-64")
	odd.Text.Width *= 2
	if err := Fits(config("ViT-B-32"), declared{Declare(odd)}); err == nil || !strings.Contains(err.Error(), "does not fit: ") {
		t.Errorf("%v", err)
	}
}
