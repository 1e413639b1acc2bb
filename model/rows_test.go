package model_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/internal/vec"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// pictures are n different pictures of a model's size.
func pictures(m *model.Model, n int) (pixels []uint8, width int) {
	width = 3 * m.Config.Vision.ImageSize * m.Config.Vision.ImageSize
	rng := rand.New(rand.NewPCG(5, 6))
	pixels = make([]uint8, n*width)
	for i := range pixels {
		pixels[i] = uint8(rng.IntN(256))
	}
	return pixels, width
}

// captions are n captions of many lengths.
func captions(m *model.Model, n int) (ids []int32, width int) {
	width = m.Config.Text.ContextLength
	rng := rand.New(rand.NewPCG(7, 8))
	ids = make([]int32, n*width)
	for i := range n {
		row := ids[i*width : (i+1)*width]
		length := 2 + rng.IntN(width-1)
		for k := range length - 1 {
			row[k] = int32(1 + rng.IntN(m.Config.Text.VocabSize-3))
		}
		row[length-1] = int32(m.Config.Text.VocabSize - 1)
	}
	return ids, width
}

// ways cuts n items into batches: alone, odd ones and one for all, and puts them in reverse order.
var ways = []struct {
	name    string
	batch   int
	reverse bool
}{{"alone", 1, false}, {"in threes", 3, false}, {"in batches of 47", 47, false}, {"at once, in reverse order", 0, true}}

// TestFeaturesDependOnNothingElse embeds 257 pictures and captions in several ways, on one thread and on two. The features have the
// same bytes each time, as they must for an index to be the same however often its making was interrupted.
func TestFeaturesDependOnNothingElse(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, c := range embedders(t) {
		t.Run(c.name, func(t *testing.T) {
			m, err := model.New(t.Context(), c.config, 1, c.at)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Free()
			pixels, side := pictures(m, c.n)
			standAlone(t, m, "pictures", m.EmbedImages, pixels, side)
			ids, length := captions(m, c.n)
			standAlone(t, m, "captions", m.EmbedTokens, ids, length)
		})
	}
}

func standAlone[T any](t *testing.T, m *model.Model, what string, embed func(context.Context, []T, int) ([]float32, error), items []T,
	width int) {
	t.Helper()
	n, dim := len(items)/width, m.Dim()
	if err := torch.SetThreads(1); err != nil {
		t.Fatal(err)
	}
	want := must(embed(t.Context(), items, n))(t)
	for _, threads := range []int{2, 1} {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		for _, way := range ways {
			batch := way.batch
			if batch == 0 {
				batch = n
			}
			got := make([]float32, 0, n*dim)
			given := items
			if way.reverse {
				given = backwards(items, width)
			}
			for part := range slices.Chunk(given, batch*width) {
				got = append(got, must(embed(t.Context(), part, len(part)/width))(t)...)
			}
			if way.reverse {
				got = backwards(got, dim)
			}
			if rows := differing(got, want, dim, torch.RowsExact(m.DType())); rows > 0 {
				t.Errorf("%s %s on %d threads: %d of %d have other features than all at once on one", what, way.name, threads, rows, n)
			}
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// backwards has rows of so many elements in reverse order.
func backwards[T any](items []T, width int) []T {
	rows := slices.Collect(slices.Chunk(items, width))
	slices.Reverse(rows)
	return slices.Concat(rows...)
}

// differing counts the rows that are not equal, bit for bit, or further apart than inexact rows may be.
func differing(got, want []float32, width int, exact bool) (n int) {
	const apart = 1.0 / 64 // of a unit vector: a few roundings to bfloat16
	for i := 0; i < len(want); i += width {
		a, b := got[i:i+width], want[i:i+width]
		if !slices.Equal(a, b) && (exact || vec.Dot(a, b) < 1-apart*apart/2) {
			n++
		}
	}
	return n
}

type embedder struct {
	name   string
	config model.Config
	at     model.Placement
	n      int
}

// embedders are a model of each kind whose widths fill no vector, and one layer of a common model's towers.
func embedders(t *testing.T) []embedder {
	t.Helper()
	odd := modeltest.TinyConfig()
	v, w := &odd.Vision, &odd.Text
	v.ImageSize, v.PatchSize, v.Width, v.HeadWidth = 20, 6, 36, 9
	w.ContextLength, w.Width, w.Heads = 14, 30, 2
	siglip := modeltest.TinyConfig()
	modeltest.SigLIP(&siglip)
	large, err := model.NamedConfig("ViT-B-32")
	if err != nil {
		t.Fatal(err)
	}
	large.Vision.Layers, large.Text.Layers, large.Text.VocabSize = 1, 1, 100
	return []embedder{
		{"odd widths", odd, model.On(), 257},
		{"odd widths, bf16", odd, modeltest.InBFloat16(), 257},
		{"CoCa", modeltest.TinyCoCaConfig(), model.On(), 257},
		{"CoCa, bf16", modeltest.TinyCoCaConfig(), modeltest.InBFloat16(), 257},
		{"SigLIP", siglip, model.On(), 257},
		{"ViT-B-32", large, model.On(), 7},
		{"ViT-B-32, bf16", large, modeltest.InBFloat16(), 7},
	}
}
