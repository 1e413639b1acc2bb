package pretrained

import (
	"context"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
)

// counting counts what a Viewer sees.
type counting struct{ begun, pictures int }

func (c *counting) Begin() { c.begun, c.pictures = c.begun+1, 0 }

func (c *counting) View(_ context.Context, b *datasets.Batch) ([]float64, error) {
	return []float64{float64(b.N)}, nil
}

func (c *counting) Take(seen []float64) { c.pictures += int(seen[0]) }

// Evaluators share one pass until Reset. Each caption belongs to the row of its picture.
func TestAPassServesAllEvaluators(t *testing.T) {
	torchtest.Need(t)
	config, err := model.NamedConfig("ViT-Nano-16-64")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(t.Context(), config, 1, model.On())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	src, err := datasets.Open(t.Context(), "builtin:shapes?n=10", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settings := DefaultSettings()
	settings.BatchSize, settings.Preprocess.Size = 4, config.Vision.ImageSize
	viewer, seen := &counting{}, []int64{}
	p := &Pass{Embedder: NewEmbedder(m, Source{Config: config}, nil, settings), Source: src, Viewers: []Viewer{viewer},
		Seen: func(n int64) { seen = append(seen, n) }}
	evaluators := []eval.Evaluator{p.ZeroShot(), p.Retrieval(1, 5)}
	values, err := eval.All(t.Context(), evaluators)
	if err != nil || len(values) != 6 {
		t.Fatalf("%+v, %v", values, err)
	}
	if viewer.begun != 1 || viewer.pictures != 10 || !slices.Equal(seen, []int64{4, 8, 10}) {
		t.Errorf("%+v, %v", viewer, seen)
	}
	f := p.Last()
	for i, caption := range f.Captions {
		if row := f.TextImage[i]; !slices.Contains(f.Entries[row].Captions, caption) || f.Labels[row] != f.Entries[row].Label {
			t.Errorf("caption %q is at row %d, %+v", caption, row, f.Entries[row])
		}
	}
	p.Reset()
	again, err := eval.All(t.Context(), evaluators)
	if err != nil || !slices.Equal(again, values) || viewer.begun != 2 {
		t.Errorf("%+v, %v, %d passes", again, err, viewer.begun)
	}
}
