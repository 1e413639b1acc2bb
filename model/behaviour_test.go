package model_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/model/modeltest"
)

func TestEmbeddingInPiecesIsTheSame(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, model.EmbedBatch+5, 0)
	live := torch.Live()
	all, err := m.EmbedImages(t.Context(), b.Pixels, b.N)
	if err != nil {
		t.Fatal(err)
	}
	last, err := m.EmbedImages(t.Context(), b.Pixels[(b.N-2)*16*16*3:], 2)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(last, all[(b.N-2)*16:]) {
		t.Error("the last two have other features by themselves")
	}
	for i := range b.N {
		var norm float64
		for _, v := range all[16*i : 16*i+16] {
			norm += float64(v) * float64(v)
		}
		if math.Abs(norm-1) > 1e-5 {
			t.Fatalf("row %d has norm %g", i, math.Sqrt(norm))
		}
	}
	if none, err := m.EmbedTokens(t.Context(), nil, 0); err != nil || len(none) != 0 {
		t.Errorf("nothing gave %v, %v", none, err)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
}

// TestPaddingChangesNoFeature compares captions without the padding behind the longest with whole rows.
func TestPaddingChangesNoFeature(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, 8, 0)
	for i := range b.N { // short ones: the last ids of all rows are padding
		row := b.IDs[i*b.ContextLength : (i+1)*b.ContextLength]
		clear(row)
		copy(row, []int32{48, int32(1 + i), 49})
	}
	if keep := model.Longest(b.IDs, b.ContextLength); keep != 3 {
		t.Fatalf("the longest has %d ids, want 3", keep)
	}
	got, err := m.EmbedTokens(t.Context(), b.IDs, b.N)
	if err != nil {
		t.Fatal(err)
	}
	err = torch.Do(t.Context(), func(s *torch.Scope) error {
		modeltest.Near(t, "features", got, m.EncodeTokens(s, b.IDs, b.N, m.Mode()).Float32s(), modeltest.FeatureTol())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWeightsThatDoNotFitAreNamed(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	var b bytes.Buffer
	if err := m.WriteWeights(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	same, err := model.Load(t.Context(), m.Config, modeltest.Opened(t, path), model.On())
	if err != nil {
		t.Fatal(err)
	}
	defer same.Free()
	var again bytes.Buffer
	if err := same.WriteWeights(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("weights changed on their way, %v", err)
	}
	for want, change := range map[string]func(c *model.Config){
		"missing: transformer.resblocks.2.":                    func(c *model.Config) { c.Text.Layers = 3 },
		"unexpected: visual.transformer.resblocks.1.":          func(c *model.Config) { c.Vision.Layers = 1 },
		"does not fit: text_projection is [32 16], not [32 8]": func(c *model.Config) { c.EmbedDim = 8 },
		"positional_embedding is [12 32], not [11 32]":         func(c *model.Config) { c.Text.ContextLength = 11 },
	} {
		c := m.Config
		change(&c)
		if _, err := model.Load(t.Context(), c, modeltest.Opened(t, path), model.On()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
}

func TestFreshModelsDependOnTheSeedAlone(t *testing.T) {
	write := func(seed uint64) []byte {
		m, err := model.New(t.Context(), modeltest.TinyConfig(), seed, model.On())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Free()
		var b bytes.Buffer
		if err := m.WriteWeights(io.Writer(&b)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	torchtest.Need(t)
	if a, b := write(1), write(1); !slices.Equal(a, b) {
		t.Error("one seed gave two models")
	}
	if slices.Equal(write(1), write(2)) {
		t.Error("two seeds gave one model")
	}
}
