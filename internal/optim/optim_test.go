package optim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// run is one training of golden/train's settings.json.
type run struct {
	LR     float64 `json:"lr"`
	Warmup int     `json:"warmup"`
	Total  int     `json:"total_steps"`
	Steps  int     `json:"steps"`
}

func settings(t *testing.T, dir string) map[string]json.RawMessage {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestGoldenSchedule(t *testing.T) {
	dir := golden.Dir(t, "train")
	for name, raw := range settings(t, dir) {
		path := filepath.Join(dir, name+".jsonl")
		if _, err := os.Stat(path); err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var r run
			if err := json.Unmarshal(raw, &r); err != nil {
				t.Fatal(err)
			}
			s := Schedule{Kind: Cosine, Warmup: r.Warmup, Steps: r.Total}
			type line struct {
				Step int
				LR   float64
			}
			lines := golden.Lines[line](t, path)
			if len(lines) != r.Steps {
				t.Errorf("%d lines for %d steps", len(lines), r.Steps)
			}
			for _, l := range lines {
				if got := s.Rate(r.LR, l.Step); math.Abs(got-l.LR) > 1e-12*l.LR {
					t.Errorf("step %d: %v, want %v", l.Step, got, l.LR)
				}
			}
		})
	}
}

func TestGoldenDecayRule(t *testing.T) {
	dir := golden.Dir(t, "train")
	var want struct {
		Decayed    []string `json:"decayed"`
		NotDecayed []string `json:"not_decayed"`
	}
	all := settings(t, dir)
	if err := json.Unmarshal(all["weight_decay"], &want); err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	for name, x := range golden.Tensors(t, filepath.Join(golden.Dir(t, "model/clip-gelu"), "model.safetensors")) {
		shapes[name] = x.Shape
	}
	c := Config{WD: 0.2}
	check := func(names []string, decay float64) {
		for _, name := range names {
			shape, ok := shapes[name]
			if !ok && strings.Contains(name, "logit_bias") {
				continue // SigLIP's; not a parameter of this model
			}
			if got := c.decayOf(&nn.Param{Name: name, Shape: shape}); !ok || got != decay {
				t.Errorf("%s %v: decay %g, want %g", name, shape, got, decay)
			}
		}
	}
	check(want.Decayed, 0.2)
	check(want.NotDecayed, 0)
	if len(want.Decayed) == 0 || len(want.Decayed)+len(want.NotDecayed) < len(shapes) {
		t.Errorf("%d and %d names for %d parameters", len(want.Decayed), len(want.NotDecayed), len(shapes))
	}
}

func TestScheduleShapes(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		step int
		want float64
	}{
		{Schedule{Kind: Cosine, Warmup: 4, Steps: 20}, 0, 0.25}, // the first step already moves
		{Schedule{Kind: Cosine, Warmup: 4, Steps: 20}, 3, 1},
		{Schedule{Kind: Cosine, Warmup: 4, Steps: 20}, 4, 1},
		{Schedule{Kind: Cosine, Warmup: 4, Steps: 20}, 12, 0.5},
		{Schedule{Kind: Cosine, Warmup: 4, Steps: 20}, 20, 0},
		{Schedule{Kind: Cosine, Steps: 1}, 0, 1},
		{Schedule{Kind: Cosine, Warmup: 30, Steps: 20}, 19, 20.0 / 30}, // a warm-up longer than the run
		{Schedule{Kind: Const, Warmup: 2, Steps: 20}, 0, 0.5},
		{Schedule{Kind: Const, Warmup: 2, Steps: 20}, 19, 1},
		{Schedule{Kind: ConstCooldown, Steps: 20, Cooldown: 10}, 9, 1},
		{Schedule{Kind: ConstCooldown, Steps: 20, Cooldown: 10}, 15, 0.5},
		{Schedule{Kind: ConstCooldown, Steps: 20, Cooldown: 10, End: 0.2}, 15, 0.6},
		{Schedule{Kind: ConstCooldown, Steps: 20}, 19, 1},
	} {
		if got := c.s.Rate(1, c.step); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%+v at %d: %v, want %v", c.s, c.step, got, c.want)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	change := func(f func(c *Config)) error {
		c := Default()
		f(&c)
		return c.Validate()
	}
	for field, err := range map[string]error{
		"lr": change(func(c *Config) { c.LR = math.NaN() }), "beta1": change(func(c *Config) { c.Beta1 = 1 }),
		"beta2": change(func(c *Config) { c.Beta2 = -1 }), "eps": change(func(c *Config) { c.Eps = 0 }),
		"wd:": change(func(c *Config) { c.WD = -1 }), "grad_clip_norm": change(func(c *Config) { c.GradClipNorm = -1 }),
		"wd_exclude":   change(func(c *Config) { c.WDExclude = []string{"["} }),
		"opt":          change(func(c *Config) { c.Opt = "sgd" }),
		"lr_scheduler": Schedule{Kind: "linear"}.Validate(), "warmup": Schedule{Kind: Cosine, Warmup: -1}.Validate(),
		"cooldown": Schedule{Kind: ConstCooldown, Steps: 5, Cooldown: 6}.Validate(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestExcludedNamesDoNotDecay(t *testing.T) {
	c := Config{WD: 0.2, WDExclude: []string{"*positional_embedding"}}
	for name, want := range map[string]float64{"visual.positional_embedding": 0, "visual.proj": 0.2} {
		if got := c.decayOf(&nn.Param{Name: name, Shape: []int{2, 2}}); got != want {
			t.Errorf("%s: %g, want %g", name, got, want)
		}
	}
}

// toy is a set of two parameters whose gradients a test chooses.
func toy(t *testing.T) *nn.Params {
	t.Helper()
	torchtest.Need(t)
	p := nn.NewParams()
	p.Root().Declare("w", nn.Normal(1), 2, 3)
	p.Root().Declare("b", nn.Normal(1), 3)
	t.Cleanup(p.Free)
	do(t, func(*torch.Scope) { p.Fill(1, torch.CPU) })
	return p
}

func do(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	if err := torch.DoGrad(t.Context(), func(s *torch.Scope) error { f(s); return nil }); err != nil {
		t.Fatal(err)
	}
}

func pull(s *torch.Scope, p *nn.Params, factor float64) {
	for _, q := range p.Tensors() {
		x := q.In(s)
		x.Mul(x).Sum().Scale(factor).Backward()
	}
}

func TestClippingFollowsPyTorch(t *testing.T) {
	for _, c := range []struct{ limit, norm, want float64 }{
		{0, 100, 1}, {1, 0.5, 1}, {1, 4, 1 / (4 + 1e-6)}, {2, 2, 2 / (2 + 1e-6)}, {1, 0, 1},
	} {
		o := &AdamW{config: Config{GradClipNorm: c.limit}}
		if got := o.clip(c.norm); got != c.want {
			t.Errorf("norm %g, limit %g: scale %v, want %v", c.norm, c.limit, got, c.want)
		}
	}
}

// Steps after a restored state are the steps that would have followed, to the byte.
func TestStateContinuesExactly(t *testing.T) {
	ways := map[string]func(s *torch.Scope, o *AdamW){
		"waiting": func(_ *torch.Scope, o *AdamW) { o.Step(0.1, o.GradNorm()) },
		"ahead":   func(s *torch.Scope, o *AdamW) { o.StepAhead(s, 0.1, nil) },
	}
	for name, step := range ways {
		if straight, resumed := afterSixSteps(t, step, false), afterSixSteps(t, step, true); straight != resumed {
			t.Errorf("%s, straight:\n%sresumed:\n%s", name, straight, resumed)
		}
	}
}

// afterSixSteps prints parameters and moments in full.
func afterSixSteps(t *testing.T, way func(s *torch.Scope, o *AdamW), resumed bool) (out string) {
	p := toy(t)
	var o *AdamW
	c := Config{LR: 0.1, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WD: 0.2, GradClipNorm: 1}
	do(t, func(*torch.Scope) { o = New(p.All(), c) })
	for step := range 6 {
		if resumed && step == 3 {
			o = reopened(t, o, p, c)
		}
		do(t, func(s *torch.Scope) {
			pull(s, p, float64(step+1))
			way(s, o)
			o.DropGradients()
		})
	}
	defer o.Free()
	do(t, func(*torch.Scope) {
		for _, x := range slices.Concat(p.Tensors(), o.moments.Mean, o.moments.Variance) {
			out += fmt.Sprintf("%x\n", x.Bytes())
		}
	})
	return out
}

func reopened(t *testing.T, o *AdamW, p *nn.Params, c Config) *AdamW {
	t.Helper()
	var b bytes.Buffer
	if err := o.WriteState(&b); err != nil {
		t.Fatal(err)
	}
	o.Free()
	f := openState(t, b.Bytes())
	defer f.Close()
	var fresh *AdamW
	do(t, func(*torch.Scope) {
		fresh = New(p.All(), c)
		if err := fresh.ReadState(f); err != nil {
			t.Error(err)
		}
	})
	return fresh
}

func openState(t *testing.T, data []byte) *safetensors.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "optimizer.safetensors")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAStateThatDoesNotFitIsRefused(t *testing.T) {
	p := toy(t)
	var o *AdamW
	do(t, func(*torch.Scope) { o = New(p.All(), Default()) })
	defer o.Free()
	moments := func(name string, n int) []safetensors.Tensor {
		zeros := make([]byte, 4*n)
		return []safetensors.Tensor{
			{Name: name + ".exp_avg", DType: safetensors.F32, Shape: []int64{int64(n)}, Data: zeros},
			{Name: name + ".exp_avg_sq", DType: safetensors.F32, Shape: []int64{int64(n)}, Data: zeros},
		}
	}
	for what, c := range map[string]struct {
		steps   map[string]string
		tensors []safetensors.Tensor
	}{
		"no step count": {nil, nil}, "one parameter": {map[string]string{"steps": "3"}, moments("w", 6)},
		"another size": {map[string]string{"steps": "3"}, slices.Concat(moments("w", 6), moments("b", 4))},
	} {
		var b bytes.Buffer
		if err := safetensors.Write(&b, c.tensors, c.steps); err != nil {
			t.Fatal(err)
		}
		f := openState(t, b.Bytes())
		do(t, func(*torch.Scope) {
			if err := o.ReadState(f); err == nil {
				t.Errorf("%s: accepted", what)
			}
		})
		f.Close()
	}
}
