package contrastive

import (
	"math"
	"slices"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
)

// siglip makes a tiny config one of SigLIP's.
func siglip(c *model.Config) {
	bias := -10.0
	c.EmbedDim, c.CustomText, c.InitLogitBias = 32, true, &bias
	c.Vision.TimmModelName, c.Vision.TimmPool, c.Vision.TimmProj = "vit_tiny", "map", "none"
	c.Text.NoCausalMask, c.Text.PoolType, c.Text.ProjBias = true, "last", true
	c.Text.NormKwargs = &nn.NormKwargs{Eps: 1e-6}
}

// SigLIP sees the padding, and reads the last position: nothing of a caption may be cut off.
func TestSigLIPReadsThePadding(t *testing.T) {
	m := newTiny(t, siglip)
	b := pairs(m.Config, 4, 3)
	for i := range b.IDs {
		if i%12 >= 6 {
			b.IDs[i] = 0
		}
	}
	got, err := m.EmbedTokens(t.Context(), b.IDs, b.N)
	if err != nil {
		t.Fatal(err)
	}
	o := &Objective{Model: m, Loss: Sigmoid{}}
	b.MaxTokens = 6
	grad(t, func(s *torch.Scope) {
		whole := m.EncodeTokens(s, b.IDs, b.N, m.mode())
		near(t, "features", got, whole.Float32s(), featureTol)
		want := Sigmoid{}.Forward(Contrast{Image: m.EncodeImages(s, b.Pixels, b.N, m.mode()), Text: whole, Scale: m.Scale(s), Bias: m.Bias(s)}).Item()
		parts, err := o.Accumulate(s, b)
		if err != nil || math.Abs(parts.Loss-want) > 1e-5 {
			t.Errorf("loss %g of a batch with padding, want %g: %v", parts.Loss, want, err)
		}
		torch.DropGradients(m.params.Tensors())
	})
	for _, c := range []struct {
		name   string
		change func(*model.Config)
		want   bool
	}{
		{"CLIP", unchanged, true},
		{"both ways", func(c *model.Config) { c.Text.NoCausalMask = true }, false},
		{"the last position", func(c *model.Config) { c.Text.PoolType = "last" }, false},
	} {
		config := tinyConfig()
		if c.change(&config); config.Text.Trimmable() != c.want {
			t.Errorf("%s: trimmable is %v", c.name, !c.want)
		}
	}
}

func TestSigLIPLearnsSixteenPairs(t *testing.T) {
	m := newTiny(t, siglip)
	tr := trainerOf(t, m, 60, 3e-3)
	tr.Objective = &Objective{Model: m, Loss: Sigmoid{}}
	b := pairs(m.Config, 16, 0)
	live := torch.Live()
	var losses []float64
	for range 60 {
		st, err := tr.Step(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, st.Loss)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
	// Untrained, the 16 pairs cost 10 nats each; with everything apart, none.
	if losses[0] < 8 || slices.Min(losses) > 1 {
		t.Errorf("loss from %.3g to %.3g", losses[0], losses[59])
	}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		if bias := m.logitBias.Tensor().Item(); bias == -10 {
			t.Error("logit_bias is not trained")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// InfoNCE is the same with a bias, which moves all logits alike, and the bias has a gradient of 0 rather than none.
func TestInfoNCEIgnoresABias(t *testing.T) {
	m := newTiny(t, siglip)
	b := pairs(m.Config, 4, 0)
	grad(t, func(s *torch.Scope) {
		in := Contrast{Image: m.EncodeImages(s, b.Pixels, b.N, m.mode()), Text: m.EncodeTokens(s, b.IDs, b.N, m.mode()), Scale: m.Scale(s)}
		without := InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}.Forward(in).Item()
		in.Bias = m.Bias(s)
		with := InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}.Forward(in)
		near(t, "loss", with.Float32s(), []float32{float32(without)}, golden.Tol{Abs: 1e-5})
		with.Backward()
		near(t, "gradient", m.logitBias.Tensor().Gradient(s).Float32s(), []float32{0}, golden.Tol{Abs: 1e-6})
		torch.DropGradients(m.params.Tensors())
	})
}

// What timm 1.0.31 begins with in the image tower and open_clip 3.3.0 around it.
func TestFreshSigLIPBeginsAsTimms(t *testing.T) {
	m := newTiny(t, func(c *model.Config) {
		siglip(c)
		c.EmbedDim, c.Vision.Width, c.Vision.HeadWidth, c.Text.Width, c.Text.Heads, c.Text.Layers = 128, 128, 32, 96, 3, 3
	})
	W, w, layers := float64(m.Config.Vision.Width), float64(m.Config.Text.Width), float64(m.Config.Text.Layers)
	residual := 1 / math.Sqrt(w*2*layers)
	const words = "text.transformer.resblocks.*."
	latent := normal("visual.trunk.attn_pool.latent", 0.8796257/math.Sqrt(W)) // of a normal distribution cut at two deviations
	latent.bound = 2 / math.Sqrt(W)
	pixels := 1 / math.Sqrt(3*float64(m.Config.Vision.PatchSize*m.Config.Vision.PatchSize))
	rules := []firstValue{
		constant("logit_scale", math.Log(1/0.07)), constant("logit_bias", -10),
		constant("*norm*.weight", 1), constant("*norm*.bias", 0), constant("*ln_*.weight", 1), constant("*ln_*.bias", 0),
		latent, normal("visual.trunk.pos_embed", 0.02), uniform("visual.trunk.patch_embed.proj.*", pixels),
		normal("visual.trunk.*.weight", 0.02), constant("visual.trunk.*.bias", 0),
		normal("text.token_embedding.weight", 0.02), normal("text.positional_embedding", 0.01),
		normal("text.text_projection.weight", 1/math.Sqrt(w)), constant("text.text_projection.bias", 0),
		constant("*attn.in_proj_bias", 0), constant("*attn.out_proj.bias", 0),
		normal(words+"attn.in_proj_weight", 1/math.Sqrt(w)), normal(words+"attn.out_proj.weight", residual),
		normal(words+"mlp.c_fc.weight", 1/math.Sqrt(2*w)), normal(words+"mlp.c_proj.weight", residual),
		uniform(words+"mlp.c_fc.bias", 1/math.Sqrt(w)), uniform(words+"mlp.c_proj.bias", 1/math.Sqrt(4*w)),
	}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			checkFirst(t, p.Name, p.Tensor().Float64s(), rules)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
