package contrastive

import (
	"math"
	"slices"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// SigLIP sees the padding, and reads the last position: nothing of a caption may be cut off.
func TestSigLIPReadsThePadding(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.SigLIP)
	b := modeltest.Pairs(m.Config, 4, 3)
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
	modeltest.Grad(t, func(s *torch.Scope) {
		whole := m.EncodeTokens(s, b.IDs, b.N, m.Mode())
		modeltest.Near(t, "features", got, whole.Float32s(), modeltest.FeatureTol())
		want := Sigmoid{}.Forward(LossInput{Image: m.EncodeImages(s, b.Pixels, b.N, m.Mode()), Text: whole, Scale: m.Scale(s),
			Bias: m.Bias(s)}).Item()
		parts, err := o.Accumulate(s, b)
		if err != nil || math.Abs(parts.Loss-want) > 1e-5 {
			t.Errorf("loss %g of a batch with padding, want %g: %v", parts.Loss, want, err)
		}
		torch.DropGradients(modeltest.Leaves(m.Params()))
	})
	for _, c := range []struct {
		name   string
		change func(*model.Config)
		want   bool
	}{
		{"CLIP", modeltest.Unchanged, true},
		{"both ways", func(c *model.Config) { c.Text.NoCausalMask = true }, false},
		{"the last position", func(c *model.Config) { c.Text.PoolType = "last" }, false},
	} {
		config := modeltest.TinyConfig()
		if c.change(&config); config.Text.Trimmable() != c.want {
			t.Errorf("%s: trimmable is %v", c.name, !c.want)
		}
	}
}

func TestSigLIPLearnsSixteenPairs(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.SigLIP)
	tr := trainerOf(t, m, 60, 3e-3)
	tr.Objective = &Objective{Model: m, Loss: Sigmoid{}}
	b := modeltest.Pairs(m.Config, 16, 0)
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
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		if bias := m.Bias(s).Item(); bias == -10 {
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
	m := modeltest.NewTiny(t, modeltest.SigLIP)
	b := modeltest.Pairs(m.Config, 4, 0)
	modeltest.Grad(t, func(s *torch.Scope) {
		in := LossInput{Image: m.EncodeImages(s, b.Pixels, b.N, m.Mode()), Text: m.EncodeTokens(s, b.IDs, b.N, m.Mode()), Scale: m.Scale(s)}
		without := InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}.Forward(in).Item()
		in.Bias = m.Bias(s)
		with := InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}.Forward(in)
		modeltest.Near(t, "loss", with.Float32s(), []float32{float32(without)}, golden.Tol{Abs: 1e-5})
		with.Backward()
		modeltest.Near(t, "gradient", modeltest.Param(m.Params(), "logit_bias").Tensor().Gradient(s).Float32s(), []float32{0},
			golden.Tol{Abs: 1e-6})
		torch.DropGradients(modeltest.Leaves(m.Params()))
	})
}
