package model_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// TestGoldenLocks compares which parameters each lock freezes with open_clip.
func TestGoldenLocks(t *testing.T) {
	dir := golden.Dir(t, "finetune")
	data, err := os.ReadFile(filepath.Join(dir, "models.json"))
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]json.RawMessage
	if err := json.Unmarshal(data, &models); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Lines[struct {
		Model, Tower string
		Unlocked     int
		Locked       []string
	}](t, filepath.Join(dir, "locks.jsonl")) {
		t.Run(fmt.Sprintf("%s/%s/%d", c.Model, c.Tower, c.Unlocked), func(t *testing.T) {
			config, err := model.ParseConfig(models[c.Model])
			if err != nil {
				t.Fatal(err)
			}
			l := model.Lock{Image: true, ImageUnlocked: c.Unlocked}
			if c.Tower == "text" {
				l = model.Lock{Text: true, TextUnlocked: c.Unlocked}
			}
			var got []string
			m := model.Declare(config)
			for _, p := range m.Params() {
				if m.Locked(p.Name, l) {
					got = append(got, p.Name)
				}
			}
			if slices.Sort(got); !slices.Equal(got, c.Locked) {
				t.Errorf("locked %d parameters, open_clip %d: %s", len(got), len(c.Locked), firstDifference(got, c.Locked))
			}
		})
	}
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("%q, want %q", got[min(i, len(got)):min(i+1, len(got))], want[min(i, len(want)):min(i+1, len(want))])
		}
	}
	return "none"
}

// TestGoldenAverages compares the moving average, its warm-up included, with timm's.
func TestGoldenAverages(t *testing.T) {
	tol := golden.Tol{RelMax: 1e-6}
	for _, c := range golden.Lines[struct {
		Decay float64
		Steps []struct{ Value, Average []float32 }
	}](t, filepath.Join(golden.Dir(t, "finetune"), "averages.jsonl")) {
		t.Run(fmt.Sprint(c.Decay), func(t *testing.T) {
			m := modeltest.NewTiny(t, modeltest.Unchanged)
			a, err := model.NewEMA(t.Context(), m, c.Decay)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Free()
			for i, step := range c.Steps {
				got := follow(t, m, a, step.Value)
				golden.Close(t, fmt.Sprintf("update %d", i+1), got, step.Average, tol)
			}
		})
	}
}

// follow sets the first values of a model's first parameter, updates its average, and returns those there.
func follow(t *testing.T, m *model.Model, a *model.EMA, value []float32) (got []float32) {
	t.Helper()
	modeltest.Grad(t, func(s *torch.Scope) {
		p := m.Params()[0].Tensor()
		values := append(slices.Clone(value), p.Float32s()[len(value):]...)
		p.OverwriteInPlace(torch.From(s, values, len(values)).Bytes())
		a.Update()
		got = a.Params()[0].Tensor().Float32s()[:len(value)]
	})
	return got
}

// TestGoldenResizedModels compares the features of a model at other sizes with open_clip's.
func TestGoldenResizedModels(t *testing.T) {
	tol := golden.Tol{Abs: 1e-5}
	dir := golden.Dir(t, "finetune")
	tensors := golden.Tensors(t, filepath.Join(dir, "resized.safetensors"))
	for _, c := range golden.Lines[struct {
		Name          string
		ImageSize     int `json:"image_size"`
		ContextLength int `json:"context_length"`
	}](t, filepath.Join(dir, "resized.jsonl")) {
		t.Run(c.Name, func(t *testing.T) {
			live := torch.Live()
			m, err := modeltest.LoadFixture(t, golden.Dir(t, "model/clip-gelu"), torch.Float32).Resize(t.Context(), c.ImageSize,
				c.ContextLength)
			if err != nil {
				t.Fatal(err)
			}
			if m.Config.Vision.ImageSize != c.ImageSize || m.Preprocess.Size != c.ImageSize ||
				m.Config.Text.ContextLength != c.ContextLength {
				t.Errorf("the resized model says %+v, %+v", m.Config, m.Preprocess)
			}
			pixels, ids := tensors[c.Name+".pixels"], tensors[c.Name+".ids"]
			image, err := m.EmbedImages(t.Context(), pixels.U8, 2)
			if err != nil {
				t.Fatal(err)
			}
			words, err := m.EmbedTokens(t.Context(), modeltest.Narrow(ids.I64), 2)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Near(t, "image features", image, tensors[c.Name+".image_features"].F32, tol)
			modeltest.Near(t, "text features", words, tensors[c.Name+".text_features"].F32, tol)
			if m.Free(); torch.Live() != live {
				t.Errorf("%d handles stayed behind", torch.Live()-live)
			}
		})
	}
}

// TestGoldenResizedSigLIP compares the positions of a tower without a class row with timm's.
func TestGoldenResizedSigLIP(t *testing.T) {
	tol := golden.Tol{Abs: 1e-5}
	wants := golden.Tensors(t, filepath.Join(golden.Dir(t, "finetune"), "siglip_positions.safetensors"))
	for grid, want := range wants {
		t.Run(grid, func(t *testing.T) {
			modeltest.SigLIPs(t, torch.Float32, "", func(t *testing.T, x modeltest.Fixture) {
				n, err := strconv.Atoi(grid)
				if err != nil {
					t.Fatal(err)
				}
				c := x.Model.Config
				m, err := x.Model.Resize(t.Context(), n*c.Vision.PatchSize, c.Text.ContextLength)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Free()
				torchtest.Run(t, func(*torch.Scope) {
					for _, p := range m.Params() {
						if p.Name == "visual.trunk.pos_embed" {
							golden.Close(t, p.Name, p.Tensor().Float32s(), want.F32, tol)
						}
					}
				})
			})
		})
	}
}

// What is made from a model works as it does: its placement, its preprocessing, its recomputation of blocks.
func TestWhatIsMadeFromAModelWorksAsItDoes(t *testing.T) {
	from := modeltest.NewTinyOn(t, modeltest.InBFloat16(), modeltest.Unchanged)
	from.Recompute, from.Preprocess.ResizeMode = true, "squash"
	check := func(what string, m *model.Model) {
		t.Helper()
		if m.DType() != from.DType() || m.Device() != from.Device() || m.Recompute != from.Recompute ||
			m.Preprocess.ResizeMode != from.Preprocess.ResizeMode {
			t.Errorf("%s: %v on %v, recompute %v, %+v", what, m.DType(), m.Device(), m.Recompute, m.Preprocess)
		}
	}
	ema, err := model.NewEMA(t.Context(), from, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	defer ema.Free()
	check("the average", ema.Model)
	biased, err := from.WithBias(t.Context(), -3) // which frees the model that it is made from
	if err != nil {
		t.Fatal(err)
	}
	check("with a bias", biased)
	resized, err := biased.Resize(t.Context(), 24, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer resized.Free()
	check("resized", resized)
}
