package model_test

import (
	"math"
	"path"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// firstValue is how a parameter begins: around a mean, with a deviation, within a bound.
type firstValue struct {
	pattern          string
	mean, std, bound float64
}

func normal(pattern string, std float64) firstValue {
	return firstValue{pattern, 0, std, math.Inf(1)}
}

func uniform(pattern string, bound float64) firstValue {
	return firstValue{pattern, 0, bound / math.Sqrt(3), bound}
}

func constant(pattern string, v float64) firstValue { return firstValue{pattern, v, 0, math.Abs(v)} }

// What open_clip 3.3.0 begins with: OpenAI's own for the text tower, PyTorch's defaults inside the image tower. The
// first pattern that a name matches counts.
func firstValues(c model.Config) []firstValue {
	W, w, layers := float64(c.Vision.Width), float64(c.Text.Width), float64(c.Text.Layers)
	residual := 1 / math.Sqrt(w*2*layers)
	const image, words = "visual.transformer.resblocks.*.", "transformer.resblocks.*."
	return []firstValue{
		constant("logit_scale", math.Log(1/0.07)),
		constant("*ln_*.weight", 1), constant("*ln_*.bias", 0),
		constant("*attn.in_proj_bias", 0), constant("*attn.out_proj.bias", 0),
		normal("visual.class_embedding", 1/math.Sqrt(W)), normal("visual.positional_embedding", 1/math.Sqrt(W)),
		normal("visual.proj", 1/math.Sqrt(W)),
		uniform("visual.conv1.weight", 1/math.Sqrt(3*float64(c.Vision.PatchSize*c.Vision.PatchSize))),
		uniform(image+"attn.in_proj_weight", math.Sqrt(6/(4*W))), uniform(image+"attn.out_proj.weight", 1/math.Sqrt(W)),
		uniform(image+"mlp.c_fc.*", 1/math.Sqrt(W)), uniform(image+"mlp.c_proj.*", 1/math.Sqrt(4*W)),
		normal("token_embedding.weight", 0.02), normal("positional_embedding", 0.01), normal("text_projection", 1/math.Sqrt(w)),
		normal(words+"attn.in_proj_weight", 1/math.Sqrt(w)), normal(words+"attn.out_proj.weight", residual),
		normal(words+"mlp.c_fc.weight", 1/math.Sqrt(2*w)), normal(words+"mlp.c_proj.weight", residual),
		uniform(words+"mlp.c_fc.bias", 1/math.Sqrt(w)), uniform(words+"mlp.c_proj.bias", 1/math.Sqrt(4*w)),
	}
}

func TestFreshParametersBeginAsOpenCLIPs(t *testing.T) {
	m := modeltest.NewTiny(t, func(c *model.Config) {
		c.Vision.Width, c.Vision.HeadWidth, c.Text.Width, c.Text.Heads, c.Text.Layers, c.EmbedDim = 128, 32, 96, 3, 3, 80
	})
	rules := firstValues(m.Config)
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

func checkFirst(t *testing.T, name string, values []float64, rules []firstValue) {
	t.Helper()
	for _, r := range rules {
		if ok, _ := path.Match(r.pattern, name); !ok {
			continue
		}
		var sum, square, largest float64
		for _, v := range values {
			sum, square, largest = sum+v, square+(v-r.mean)*(v-r.mean), max(largest, math.Abs(v))
		}
		n := float64(len(values))
		mean, std := sum/n, math.Sqrt(square/n)
		// Five standard errors: std/sqrt(n) for the mean, less for the deviation; float32 rounding is in it.
		tolerance := 5*r.std/math.Sqrt(n) + 1e-7*math.Abs(r.mean)
		if math.Abs(mean-r.mean) > tolerance || math.Abs(std-r.std) > tolerance || largest > r.bound*(1+1e-6) {
			t.Errorf("%s: mean %.3g, deviation %.3g, largest %.3g; want %.3g, %.3g, up to %.3g", name, mean, std, largest, r.mean, r.std,
				r.bound)
		}
		return
	}
	t.Errorf("no rule for %s", name)
}

// What timm 1.0.31 begins with in the image tower and open_clip 3.3.0 around it.
func TestFreshSigLIPBeginsAsTimms(t *testing.T) {
	m := modeltest.NewTiny(t, func(c *model.Config) {
		modeltest.SigLIP(c)
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
