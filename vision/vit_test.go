package vision

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func tiny() Config {
	return Config{ImageSize: 8, PatchSize: 2, Layers: 1, Width: 8, HeadWidth: 4, MLPRatio: 2, PoolType: "tok", PosEmbedType: "learnable"}
}

// tower makes a tower with fresh parameters.
func tower(t *testing.T, c Config, f func(s *torch.Scope, v *ViT, p *nn.Params)) {
	t.Helper()
	torchtest.Need(t)
	p := nn.NewParams()
	v := NewViT(p.Root(), c, 5, nn.GELU)
	defer p.Free()
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(1, torch.CPU)
		f(s, v, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pictures(s *torch.Scope, n, size int) *torch.Tensor {
	values := make([]float32, n*3*size*size)
	for i := range values {
		values[i] = float32(math.Sin(float64(i) * 0.7))
	}
	return torch.From(s, values, n, 3, size, size)
}

// Cutting into patches and a matrix product is the convolution that open_clip writes.
func TestPatchesAreAConvolution(t *testing.T) {
	tower(t, tiny(), func(s *torch.Scope, v *ViT, _ *nn.Params) {
		images := pictures(s, 2, 8)
		got := v.embed(images).Sub(v.positions.Tensor()).Narrow(1, 1, 16).Float32s()
		want := images.Conv2d(v.patches.Tensor(), nil, 2).Reshape(2, 8, 16).Transpose(1, 2).Float32s()
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 2e-6 {
				t.Fatalf("element %d is %g, want %g", i, got[i], want[i])
			}
		}
	})
}

func TestPatchDropoutKeepsTheClassTokenAndAShare(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		const b, l, d = 3, 17, 2
		values := make([]float32, b*l*d)
		for i := range values {
			values[i] = float32(i / d) // each token carries its number
		}
		x := torch.From(s, values, b, l, d)
		keys := []uint64{5, 6, 5}
		got := dropPatches(x, 1, 0.5, keys)
		if shape := got.Shape(); !slices.Equal(shape, []int{b, 9, d}) {
			t.Fatalf("shape %v, want 8 of 16 patches and the class token", shape)
		}
		kept := got.Float32s()
		for i := range b {
			var tokens []float32
			for k := range 9 {
				tokens = append(tokens, kept[(i*9+k)*d]-float32(i*l))
			}
			if tokens[0] != 0 || !slices.IsSorted(tokens) || len(slices.Compact(slices.Clone(tokens))) != 9 || tokens[8] >= l {
				t.Errorf("picture %d keeps %v", i, tokens)
			}
		}
		if !slices.Equal(choose(5, 16, 8), choose(5, 16, 8)) || slices.Equal(choose(5, 16, 8), choose(6, 16, 8)) {
			t.Error("the choice is not that of the key")
		}
		alone := dropPatches(x.Narrow(0, 2, 1), 1, 0.5, keys[2:]).Float32s()
		if !slices.Equal(alone, kept[2*9*d:]) {
			t.Error("a picture's patches depend on the others of its batch")
		}
		if y := dropPatches(x, 1, 0.5, nil); y != x {
			t.Error("patches were dropped without keys")
		}
		if n := dropPatches(x, 1, 0.99, keys).Shape()[1]; n != 2 {
			t.Errorf("%d tokens are left, want the class token and one patch", n)
		}
	})
}

// Over many keys each patch is kept equally often.
func TestPatchDropoutIsEven(t *testing.T) {
	const n, k, keys = 16, 4, 20000
	var count [n]int
	for key := range keys {
		for _, p := range choose(uint64(key), n, k) {
			count[p]++
		}
	}
	mean := float64(keys) * k / n
	for p, c := range count {
		if math.Abs(float64(c)-mean) > 5*math.Sqrt(mean*(1-float64(k)/n)) { // five standard deviations
			t.Errorf("patch %d was kept %d times of %d, want about %g", p, c, keys, mean)
		}
	}
}

func TestVariantsDeclareWhatOpenCLIPDoes(t *testing.T) {
	half := 0.5
	for _, c := range []struct {
		name    string
		change  func(c *Config)
		has, no string
	}{
		{"plain", func(*Config) {}, "ln_pre.weight", "ls_1"},
		{"no_ln_pre", func(c *Config) { c.NoLNPre = true }, "ln_post.weight", "ln_pre"},
		{"layer scale", func(c *Config) { c.LSInitValue = &half }, "transformer.resblocks.0.ls_2.gamma", "ls_3"},
	} {
		config := tiny()
		c.change(&config)
		p := nn.NewParams()
		New(p.Root(), config, 5, nn.GELU)
		var names []string
		for _, q := range p.All() {
			names = append(names, q.Name)
		}
		if !slices.Contains(names, c.has) || strings.Contains(strings.Join(names, " "), c.no) {
			t.Errorf("%s: %v", c.name, names)
		}
	}
}

func TestThePoolIsTheMeanOfPatches(t *testing.T) {
	for _, finalLN := range []bool{false, true} {
		config := tiny()
		config.PoolType, config.FinalLN = "avg", finalLN
		tower(t, config, func(s *torch.Scope, v *ViT, _ *nn.Params) {
			x := pictures(s, 1, 8).Reshape(1, 24, 8)
			norm := func(x *torch.Tensor) *torch.Tensor { return v.lnPost.Forward(x) }
			patches := x.Narrow(1, 1, 23)
			want := norm(patches.MeanAlong(1))
			if !finalLN {
				want = norm(patches).MeanAlong(1)
			}
			if d := difference(v.pool(x), want); d > 1e-6 {
				t.Errorf("final_ln_after_pool %t: off by %g", finalLN, d)
			}
		})
	}
}

func difference(a, b *torch.Tensor) float64 {
	var worst float64
	y := b.Float64s()
	for i, v := range a.Float64s() {
		worst = max(worst, math.Abs(v-y[i]))
	}
	return worst
}

func TestValidateNamesEveryField(t *testing.T) {
	err := Config{PatchDropout: 1}.Validate()
	for _, field := range []string{"image_size", "patch_size", "layers", "width", "head_width", "mlp_ratio", "patch_dropout",
		"pool_type", "pos_embed_type"} {
		if err == nil || !strings.Contains(err.Error(), "vision_cfg."+field) {
			t.Errorf("%s is not in %v", field, err)
		}
	}
	c := tiny()
	c.ImageSize, c.HeadWidth = 9, 3
	err = c.Validate()
	for _, text := range []string{"9 is not a multiple of patch_size 2", "8 is not a multiple of head_width 3"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in %v", text, err)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}
