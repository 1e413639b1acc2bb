package contrastive

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// trajectory is one training of golden/train's settings.json.
type trajectory struct {
	LR       float64    `json:"lr"`
	Warmup   int        `json:"warmup"`
	Total    int        `json:"total_steps"`
	WD       float64    `json:"wd"`
	Betas    [2]float64 `json:"betas"`
	Eps      float64    `json:"eps"`
	Loss     string     `json:"loss"`
	ClipNorm float64    `json:"clip_norm"`
	Steps    int        `json:"steps"`
	Scale    float64    `json:"initial_logit_scale"`
	Bias     *float64   `json:"initial_logit_bias"` // nil: the model has none

	readEvery int // 0: steps that wait for their numbers
}

type trajectoryStep struct {
	Step       int     `json:"step"`
	LR         float64 `json:"lr"`
	Loss       float64 `json:"loss"`
	GradNorm   float64 `json:"grad_norm"`
	LogitScale float64 `json:"logit_scale"`
	LogitBias  float64 `json:"logit_bias"`
	ParamNorm  float64 `json:"param_norm"`
}

func TestGoldenTrajectories(t *testing.T) {
	dir := golden.Dir(t, "train")
	data, err := os.ReadFile(filepath.Join(dir, "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(data, &settings); err != nil {
		t.Fatal(err)
	}
	pool := golden.Tensors(t, filepath.Join(dir, "data.safetensors"))
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range names {
		name := strings.TrimSuffix(filepath.Base(path), ".jsonl")
		for way, readEvery := range map[string]int{"": 0, " ahead": 1} { // ahead: as a GPU makes the steps
			t.Run(name+way, func(t *testing.T) {
				c := trajectory{readEvery: readEvery}
				if err := json.Unmarshal(settings[name], &c); err != nil {
					t.Fatal(err)
				}
				loss, ok := lossOf(c.Loss)
				if !ok {
					t.Skipf("%s: clipgo has no such loss yet", c.Loss)
				}
				m := c.model(t, modeltest.LoadFixture(t, golden.Dir(t, "model/clip-gelu"), torch.Float32))
				steps := golden.Lines[trajectoryStep](t, path)
				c.Scale = c.start(m, steps[0])
				c.follow(t, m, loss, pool, steps)
				compareFinal(t, m, filepath.Join(dir, name+"_final.safetensors"))
			})
		}
	}
}

// model is the one that the training begins with: from itself, or with a bias beside its weights.
func (c trajectory) model(t *testing.T, from *model.Model) *model.Model {
	if c.Bias == nil {
		return from
	}
	biased := from.Config
	biased.InitLogitBias = c.Bias
	m, err := model.New(t.Context(), biased, 1, model.On())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	values := map[string][]byte{}
	err = torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range from.Params() {
			values[p.Name] = p.Tensor().Bytes()
		}
		for _, p := range m.Params() {
			if p.Name != "logit_bias" {
				p.Tensor().OverwriteInPlace(values[p.Name])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// start is the scale that the training began with. For a run from the model's own scale, settings.json has noted the
// trained one instead; the first step tells them apart, since it moves a value by no more than the rate.
func (c trajectory) start(m *model.Model, first trajectoryStep) float64 {
	own := math.Log(1 / 0.07)
	if set := m.Config.InitLogitScale; set != nil {
		own = *set
	}
	if math.Abs(own-first.LogitScale) < math.Abs(c.Scale-first.LogitScale) {
		return own
	}
	return c.Scale
}

// trainer is set up as open_clip's train.py is by the fixture.
func (c trajectory) trainer(t *testing.T, m *model.Model, loss Loss) *training.Trainer {
	t.Helper()
	m.Preprocess.Mean, m.Preprocess.Std = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}
	tr := &training.Trainer{
		Objective: &Objective{Model: m, Loss: loss}, LR: c.LR, ReadEvery: c.readEvery,
		Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: c.Warmup, Steps: c.Total},
	}
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		modeltest.Param(m.Params(), "logit_scale").Tensor().OverwriteInPlace(torch.From(s, []float32{float32(c.Scale)}).Bytes())
		tr.Optimizer = optim.New(m.Params(), optim.Config{LR: c.LR, Beta1: c.Betas[0], Beta2: c.Betas[1], Eps: c.Eps, WD: c.WD,
			GradClipNorm: c.ClipNorm})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	return tr
}

func (c trajectory) follow(t *testing.T, m *model.Model, loss Loss, pool map[string]golden.Tensor, want []trajectoryStep) {
	tr := c.trainer(t, m, loss)
	if len(want) != c.Steps {
		t.Fatalf("%d lines for %d steps", len(want), c.Steps)
	}
	live := torch.Live()
	var worst trajectoryStep
	for _, w := range want {
		st, err := tr.Step(t.Context(), pick(pool, w.Step))
		if err != nil {
			t.Fatal(err)
		}
		scale, bias, norm := c.state(t, m)
		// The fixture's own float32 and float64 runs part by less than 3e-6; both kinds of rounding add up along the way.
		lossTol := 2e-4
		if w.Step == 0 {
			lossTol = 1e-5
		}
		check := func(what string, got, want, tol float64, largest *float64) {
			off := math.Abs(got - want)
			*largest = max(*largest, off)
			if !(off <= tol) {
				t.Errorf("step %d: %s is %.9g, want %.9g (off by %.2g)", w.Step, what, got, want, off)
			}
		}
		check("lr", st.LR, w.LR, 1e-12*w.LR, &worst.LR)
		check("loss", st.Loss, w.Loss, lossTol, &worst.Loss)
		check("grad_norm", st.GradNorm/w.GradNorm, 1, 1e-4, &worst.GradNorm)
		check("logit_scale", scale, w.LogitScale, 1e-5, &worst.LogitScale)
		check("logit_bias", bias, w.LogitBias, 1e-5, &worst.LogitBias)
		check("param_norm", norm, w.ParamNorm, 1e-3, &worst.ParamNorm)
		if torch.Live() != live {
			t.Fatalf("step %d: %d handles stayed behind", w.Step, torch.Live()-live)
		}
	}
	t.Logf("largest distances: loss %.2g, grad_norm %.2g of it, logit_scale %.2g, param_norm %.2g", worst.Loss, worst.GradNorm,
		worst.LogitScale, worst.ParamNorm)
}

// state is logit_scale, logit_bias (0 where there is none) and the norm over all parameters.
func (c trajectory) state(t *testing.T, m *model.Model) (scale, bias, norm float64) {
	t.Helper()
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		scale = modeltest.Param(m.Params(), "logit_scale").Tensor().Item()
		if p := modeltest.Param(m.Params(), "logit_bias"); p != nil {
			bias = p.Tensor().Item()
		}
		for _, p := range m.Params() {
			for _, v := range p.Tensor().Float64s() {
				norm += v * v
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return scale, bias, math.Sqrt(norm)
}

// pick makes a step's batch: the pool's rows in the fixture's order, pictures as [S, S, 3].
func pick(pool map[string]golden.Tensor, step int) *datasets.Batch {
	images, tokens, batches := pool["images"], pool["tokens"], pool["batches"]
	n, l, plane := batches.Shape[1], tokens.Shape[1], images.Shape[2]*images.Shape[3]
	b := &datasets.Batch{N: n, ContextLength: l}
	for _, row := range batches.I64[step*n : (step+1)*n] {
		picture := images.U8[int(row)*3*plane:][:3*plane]
		for p := range plane {
			b.Pixels = append(b.Pixels, picture[p], picture[plane+p], picture[2*plane+p])
		}
		caption := modeltest.Narrow(tokens.I64[int(row)*l:][:l])
		b.IDs = append(b.IDs, caption...)
		b.MaxTokens = max(b.MaxTokens, slices.Index(caption, slices.Max(caption))+1)
	}
	return b
}

// compareFinal leaves out the key part of the packed bias: its true gradient is 0, so that Adam follows rounding noise.
func compareFinal(t *testing.T, m *model.Model, path string) {
	if _, err := os.Stat(path); err != nil {
		return
	}
	want := golden.Tensors(t, path)
	var worst float64
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			got, w := p.Tensor().Float32s(), want[p.Name].F32
			if strings.HasSuffix(p.Name, "attn.in_proj_bias") {
				third := len(got) / 3
				got, w = slices.Delete(got, third, 2*third), slices.Delete(w, third, 2*third)
			}
			golden.Close(t, p.Name, got, w, golden.Tol{Abs: 2e-4})
			for i := range w {
				worst = max(worst, math.Abs(float64(got[i]-w[i])))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("largest distance of a final weight: %.2g", worst)
}
