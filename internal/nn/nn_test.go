package nn

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func names(p *Params) []string {
	var out []string
	for _, q := range p.All() {
		out = append(out, q.Name)
	}
	return out
}

func TestTransformerDeclaresOpenCLIPsNamesInItsOrder(t *testing.T) {
	p := NewParams()
	one := 1.0
	start := Start{}
	NewTransformer(p.Root().At("transformer"), Shape{Width: 8, Layers: 1, Heads: 2, MLPWidth: 16, LayerScale: &one, Start: start})
	block := "transformer.resblocks.0."
	want := []string{"ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.in_proj_bias", "attn.out_proj.weight", "attn.out_proj.bias",
		"ls_1.gamma", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias", "ls_2.gamma"}
	for i, name := range names(p) {
		if name != block+want[i] {
			t.Errorf("parameter %d is %s, want %s", i, name, block+want[i])
		}
	}
	// 12 w^2 + 13 w for a block with an MLP of 4 w; here of 2 w, and two gammas.
	if n := p.Count(); n != 4*64+2*8*16+8+16+3*8+8+4*8+2*8 {
		t.Errorf("%d values", n)
	}
}

func TestANameDeclaredTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	root := NewParams().Root().At("a")
	root.Declare("b", Constant(0), 1)
	root.Declare("b", Constant(0), 1)
}

func fill(t *testing.T, seed uint64, declare func(root Path)) map[string][]float32 {
	t.Helper()
	p := NewParams()
	declare(p.Root())
	defer p.Free()
	out := map[string][]float32{}
	torchtest.Need(t)
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(seed, torch.CPU)
		for _, q := range p.All() {
			out[q.Name] = q.Tensor().Float32s()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFirstValuesDependOnSeedAndNameAlone(t *testing.T) {
	a := fill(t, 7, func(r Path) { r.Declare("x", Normal(1), 100); r.Declare("y", Normal(1), 100) })
	b := fill(t, 7, func(r Path) {
		r.Declare("z", Normal(1), 3)
		r.Declare("y", Normal(1), 100)
		r.Declare("x", Normal(1), 100)
	})
	c := fill(t, 8, func(r Path) { r.Declare("x", Normal(1), 100) })
	if !slices.Equal(a["x"], b["x"]) || !slices.Equal(a["y"], b["y"]) {
		t.Error("the order of declaration changed values")
	}
	if slices.Equal(a["x"], a["y"]) || slices.Equal(a["x"], c["x"]) {
		t.Error("two names, or two seeds, have the same values")
	}
}

func TestFirstValuesHaveTheirDistributions(t *testing.T) {
	const n = 200_000
	for _, c := range []struct {
		name         string
		init         Init
		mean, std    float64
		bound, kurts float64 // fourth moment over squared variance: 3 for a normal, 9/5 for a uniform distribution
	}{
		{"Normal", Normal(0.02), 0, 0.02, math.Inf(1), 3},
		// Cut at two deviations: 1 - 4 phi(2) / (2 Phi(2) - 1) of the variance is left.
		{"TruncatedNormal", TruncatedNormal(0.02), 0, 0.02 * 0.8796257, 0.04, 2.3655},
		{"Uniform", Uniform(0.5), 0, 0.5 / math.Sqrt(3), 0.5, 1.8},
		{"FanIn", FanIn(64), 0, 1 / math.Sqrt(3*64.0), 1.0 / 8, 1.8},
		{"Xavier", Xavier(30, 20), 0, math.Sqrt(2.0 / 50), math.Sqrt(6.0 / 50), 1.8},
		{"Constant", Constant(1.5), 1.5, 0, 1.5, math.NaN()},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := make([]float32, n)
			c.init(generator(1, c.name), values)
			var sum, square, fourth, largest float64
			for _, v := range values {
				sum += float64(v)
			}
			mean := sum / n
			for _, v := range values {
				d := float64(v) - mean
				square, fourth, largest = square+d*d, fourth+d*d*d*d, max(largest, math.Abs(float64(v)))
			}
			std := math.Sqrt(square / n)
			// Five standard errors: std/sqrt(n) for the mean, about that over sqrt 2 for the deviation.
			tolerance := 5 * c.std / math.Sqrt(n)
			if math.Abs(mean-c.mean) > tolerance || math.Abs(std-c.std) > tolerance || largest > c.bound*(1+1e-7) {
				t.Errorf("mean %g, deviation %g, largest %g; want %g, %g, up to %g", mean, std, largest, c.mean, c.std, c.bound)
			}
			if k := fourth / n / math.Pow(std, 4); math.Abs(k-c.kurts) > 5*math.Sqrt(96.0/n) {
				t.Errorf("kurtosis %g, want %g", k, c.kurts)
			}
		})
	}
}

func TestBlockIsItsTwoLines(t *testing.T) {
	gamma := 0.5
	p := NewParams()
	defer p.Free()
	start := Start{AttnIn: Normal(0.3), AttnOut: Normal(0.3), Up: Normal(0.3), Down: Normal(0.3),
		AttnBias: Normal(0.3), AttnOutBias: Normal(0.3), UpBias: Normal(0.3), DownBias: Normal(0.3)}
	stack := NewTransformer(p.Root(), Shape{Width: 4, Layers: 1, Heads: 2, MLPWidth: 6, Activation: QuickGELU, LayerScale: &gamma,
		Start: start})
	torchtest.Need(t)
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(3, torch.CPU)
		x := []float32{1, -2, 0.5, 3, 0.25, 1, -1, 2, 0, 1, 4, -3}
		var seen []string
		mode := Mode{See: func(name string, _ *torch.Tensor) { seen = append(seen, name) }}
		got := stack.Forward(torch.From(s, x, 1, 3, 4), nil, mode).Float32s()
		if !slices.Equal(seen, []string{"resblocks.0"}) {
			t.Errorf("See was shown %v", seen)
		}
		want := plainBlock(p, x, 3, 2, gamma)
		for i, w := range want {
			if math.Abs(float64(got[i])-w) > 1e-5 {
				t.Errorf("element %d is %g, want %g", i, got[i], w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteKeepsNamesOrderAndBytes(t *testing.T) {
	p := NewParams()
	defer p.Free()
	p.Root().Declare("b.weight", Normal(1), 2, 3)
	p.Root().Declare("a", Normal(1))
	torchtest.Need(t)
	var want [][]byte
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		p.Fill(1, torch.CPU)
		for _, q := range p.Tensors() {
			want = append(want, q.Bytes())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, p.All(), map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.Equal(f.Names(), names(p)) || f.Metadata()["format"] != "pt" {
		t.Errorf("names %v, metadata %v", f.Names(), f.Metadata())
	}
	for i, name := range f.Names() {
		if x, _ := f.Tensor(name); !bytes.Equal(x.Data, want[i]) {
			t.Errorf("%s: other bytes", name)
		}
	}
	if x, _ := f.Tensor("a"); len(x.Shape) != 0 || math.Float32frombits(binary.LittleEndian.Uint32(x.Data)) == 0 {
		t.Errorf("the scalar came back as %v", x)
	}
}

// A parameter serves operands of any type; its master stays float32.
func TestParametersFollowTheirOperandsType(t *testing.T) {
	p := NewParams()
	defer p.Free()
	layer := NewLinear(p.Root(), 2, 2, Constant(1), Constant(0.5))
	norm := NewLayerNorm(p.Root().At("ln"), 2, DefaultEps)
	torchtest.Need(t)
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(1, torch.CPU)
		for _, d := range []torch.DType{torch.Float32, torch.BFloat16, torch.Float64} {
			x := torch.From(s, []float32{1, 2}, 1, 2).To(d)
			if y := layer.Forward(x); y.DType() != d || y.Float32s()[0] != 3.5 {
				t.Errorf("type %d: Linear gave %v of type %d", d, y.Float32s(), y.DType())
			}
			if y := norm.Forward(x); y.DType() != d || math.Abs(float64(y.Float32s()[1]-1)) > 1e-2 {
				t.Errorf("type %d: LayerNorm gave %v of type %d", d, y.Float32s(), y.DType())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
