package contrastive

import (
	"context"
	"errors"
	"math"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// The tests named OnCUDA need a device (make test-cuda); they compare it with the CPU, which the golden tests tie to open_clip.

func TestFeaturesAreTheCPUsOnCUDA(t *testing.T) {
	device := torchtest.NeedCUDA(t)
	b := modeltest.Pairs(modeltest.TinyConfig(), 70, 0)
	embed := func(m *model.Model) (images, words []float32) {
		images, err := m.EmbedImages(t.Context(), b.Pixels, b.N)
		if err != nil {
			t.Fatal(err)
		}
		if words, err = m.EmbedTokens(t.Context(), b.IDs, b.N); err != nil {
			t.Fatal(err)
		}
		return images, words
	}
	wantImages, wantWords := embed(modeltest.NewTinyOn(t, model.On(), modeltest.Unchanged))
	for dtype, tol := range map[torch.DType]float64{torch.Float32: 1e-5, torch.BFloat16: 2e-2} {
		images, words := embed(modeltest.NewTinyOn(t, model.Placement{Device: device, DType: dtype}, modeltest.Unchanged))
		golden.Close(t, "pictures", images, wantImages, golden.Tol{Abs: tol})
		golden.Close(t, "captions", words, wantWords, golden.Tol{Abs: tol})
	}
}

// The steps of each objective, with and without a wait.
func TestTrainingIsTheCPUsOnCUDA(t *testing.T) {
	device := torchtest.NeedCUDA(t)
	for _, c := range aheadCases() {
		t.Run(c.name, func(t *testing.T) {
			_, want := c.run(t, model.On(), 8, 0)
			for _, readEvery := range []int{0, 4} {
				_, got := c.run(t, model.Placement{Device: device, DType: torch.Float32}, 8, readEvery)
				last := len(want) - 1
				if off := math.Abs(got[last].Loss/want[last].Loss - 1); !(off < 1e-3) {
					t.Errorf("read each %d steps: the loss is %g, want %g", readEvery, got[last].Loss, want[last].Loss)
				}
			}
		})
	}
}

func TestWantOfMemoryIsTypedOnCUDA(t *testing.T) {
	device := torchtest.NeedCUDA(t)
	err := torch.Do(context.Background(), func(s *torch.Scope) error {
		torch.Zeros(s, torch.Float32, device, 1<<46)
		return nil
	})
	var refused *torch.Error
	if !errors.As(err, &refused) || !refused.OutOfMemory() {
		t.Errorf("got %v", err)
	}
}
