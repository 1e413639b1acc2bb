package vision

import (
	"math"
	"slices"
	"testing"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// A picture whose side is no multiple of the patch loses its right and lower edge, as in a convolution without padding.
func TestPatchesOfSigLIPAreAConvolutionWithABias(t *testing.T) {
	torchtest.Need(t)
	for _, size := range []int{8, 9} {
		p := nn.NewParams()
		c := Config{ImageSize: size, PatchSize: 2, Layers: 1, Width: 8, HeadWidth: 4, MLPRatio: 2, TimmModelName: "vit_tiny"}
		v := NewSigLIP(p.Root(), c)
		err := torch.Do(t.Context(), func(s *torch.Scope) error {
			p.Fill(1, torch.CPU)
			images := pictures(s, 2, size)
			got := v.embed(images).Sub(v.positions.Tensor()).Float32s()
			want := images.Conv2d(v.patchWeight.Tensor(), v.patchBias.Tensor(), 2).Reshape(2, 8, 16).Transpose(1, 2).Float32s()
			for i := range want {
				if math.Abs(float64(got[i]-want[i])) > 2e-6 {
					t.Fatalf("size %d: element %d is %g, want %g", size, i, got[i], want[i])
				}
			}
			return nil
		})
		p.Free()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPatchDropoutWithoutAClassToken(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{0, 1, 2, 3, 4, 5, 6, 7}, 2, 4, 1)
		got := dropPatches(x, 0, 0.5, []uint64{1, 2})
		if !slices.Equal(got.Shape(), []int{2, 2, 1}) {
			t.Fatalf("shape %v, want 2 of 4 patches", got.Shape())
		}
		for i, v := range got.Float32s() {
			if int(v)/4 != i/2 {
				t.Errorf("element %d is of picture %d", i, int(v)/4)
			}
		}
	})
}
