package probe

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/internal/golden"
)

// fixture is what CLIP_benchmark and scikit-learn made of the features of one data set.
type fixture struct {
	tensors          map[string]golden.Tensor
	train, val, test Set
	figures          struct {
		LinearProbe map[string]json.RawMessage `json:"linear_probe"`
		Sklearn     struct {
			Grid       map[string]grid
			Raw        one
			Normalised one
			FewShot    map[string]one `json:"few_shot"`
		}
	}
	argv map[string][]string // of each run
}

type one struct {
	C        float64
	Accuracy float64 `json:"accuracy_exact"`
	Plain    float64 `json:"accuracy"`

	NearestMean float64 `json:"nearest_centre"`
}

type grid struct {
	Rows  [][4]float64
	BestC float64 `json:"best_C"`
	Final float64 `json:"test_after_train_and_val"`
}

type replayed struct {
	Metrics struct {
		Accuracy   float64 `json:"lp_acc1"`
		Decay      float64 `json:"weight_decay"`
		Epochs     int
		Seed       int
		Normalized bool
	}
	Search []Trial
	Noise  float64 `json:"float32_noise_of_logits"`
}

func load(t *testing.T) *fixture {
	t.Helper()
	dir := golden.Dir(t, "benchmark")
	f := &fixture{tensors: golden.Tensors(t, filepath.Join(dir, "details", "linear_probe.safetensors")), argv: map[string][]string{}}
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &f.figures); err != nil {
		t.Fatal(err)
	}
	for _, run := range golden.Lines[struct {
		ID   string
		Argv []string
	}](t, filepath.Join(dir, "runs.jsonl")) {
		f.argv[run.ID] = run.Argv
	}
	f.train, f.val, f.test = f.set("train"), f.set("val"), f.set("test")
	return f
}

func (f *fixture) set(name string) Set {
	x, y := f.tensors[name+".features"], f.tensors[name+".labels"]
	return Set{Features: x.F32, Dim: x.Shape[1], Labels: ints(y.I64)}
}

func ints(v []int64) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

// option is the value of an option of a run.
func (f *fixture) option(run, name, otherwise string) string {
	argv := f.argv[run]
	if i := slices.Index(argv, name); i >= 0 {
		return argv[i+1]
	}
	return otherwise
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	var v float64
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestGoldenBenchmarkProbeIsReplayed trains with the first weights and the order of samples that CLIP_benchmark had.
func TestGoldenBenchmarkProbeIsReplayed(t *testing.T) {
	f := load(t)
	runs := 0
	for name, raw := range f.figures.LinearProbe {
		var want replayed
		rows, ok := f.tensors[name+".rows"]
		if json.Unmarshal(raw, &want) != nil || !ok {
			continue
		}
		runs++
		train := f.train.Select(ints(rows.I64))
		if len(want.Search) > 0 && f.option(name, "--fewshot_k", "-1") == "-1" {
			train = train.Join(f.val) // the final fit after a search
		}
		test := f.test
		if want.Metrics.Normalized {
			train, test = train.Normalized(), test.Normalized()
		}
		order := ints(f.tensors[name+".order"].I64)
		first := "first.seed" + f.option(name, "--seed", "0")
		classes := f.tensors[first+".bias"].Shape[0]
		a := AdamW{
			Rate: number(t, f.option(name, "--fewshot_lr", "0.1")), Epochs: want.Metrics.Epochs, Decay: want.Metrics.Decay,
			BatchSize: int(number(t, f.option(name, "--batch_size", "64"))),
			Start:     &Head{Weight: f.tensors[first+".weight"].F32, Bias: f.tensors[first+".bias"].F32, Classes: classes, Dim: train.Dim},
			Order:     func(epoch, n int) []int { return order[epoch*n : (epoch+1)*n] },
		}
		h, err := a.Fit(context.Background(), train, classes)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden.Close(t, name+" weight", h.Weight, f.tensors[name+".weight"].F32, golden.Tol{RelMax: 1e-4})
		golden.Close(t, name+" bias", h.Bias, f.tensors[name+".bias"].F32, golden.Tol{RelMax: 1e-4})
		logits, err := h.Logits(context.Background(), test.Features)
		if err != nil {
			t.Fatal(err)
		}
		if stored, ok := f.tensors[name+".logits"]; ok {
			golden.Close(t, name+" logits", logits, stored.F32, golden.Tol{Abs: 1e-3})
		}
		if got := accuracy(logits, test.Labels, classes); got != want.Metrics.Accuracy {
			t.Errorf("%s: accuracy %v, want %v", name, got, want.Metrics.Accuracy)
		}
	}
	if runs == 0 {
		t.Fatal("no runs")
	}
}

// TestGoldenBenchmarkSearchOfTheDecay follows the searches with the accuracies that CLIP_benchmark had for all values of its grid.
func TestGoldenBenchmarkSearchOfTheDecay(t *testing.T) {
	f := load(t)
	searches := 0
	for name, raw := range f.figures.LinearProbe {
		var want replayed
		if json.Unmarshal(raw, &want) != nil || len(want.Search) == 0 {
			continue
		}
		searches++
		best, trials, err := SearchDecay(func(decay float64) (float64, error) {
			for _, one := range want.Search {
				if math.Abs(one.Decay/decay-1) < 1e-9 {
					return one.Accuracy, nil
				}
			}
			t.Errorf("%s: %g was not tried", name, decay)
			return 0, nil
		})
		if err != nil || math.Abs(best/want.Metrics.Decay-1) > 1e-9 || len(trials) != len(want.Search) {
			t.Fatalf("%s: %g after %d trials, %v; want %g after %d", name, best, len(trials), err, want.Metrics.Decay, len(want.Search))
		}
		for i, got := range trials {
			if math.Abs(got.Decay/want.Search[i].Decay-1) > 1e-9 || got.Accuracy != want.Search[i].Accuracy {
				t.Errorf("%s: trial %d is %v, want %v", name, i, got, want.Search[i])
			}
		}
	}
	if searches == 0 {
		t.Fatal("no searches")
	}
}

// TestGoldenBenchmarkLogisticRegression compares with scikit-learn's coefficients and probabilities.
func TestGoldenBenchmarkLogisticRegression(t *testing.T) {
	f := load(t)
	for _, c := range []struct {
		name        string
		train, test Set
		want        one
	}{
		{"raw", f.train, f.test, f.figures.Sklearn.Raw},
		{"normalised", f.train.Normalized(), f.test.Normalized(), f.figures.Sklearn.Normalised},
	} {
		classes := c.train.Classes()
		fit, err := Logistic{C: c.want.C}.Fit(context.Background(), c.train, classes)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d iterations, objective %g", c.name, fit.Iterations, fit.Objective)
		// scikit-learn ends where a gradient is below 1e-4.
		golden.Close(t, c.name+" weight", fit.Weight, f.tensors["sklearn."+c.name+".coef"].F32, golden.Tol{Abs: 1e-3})
		ours, theirs := fit.Objective, objective(c.train, c.want.C, f.tensors["sklearn."+c.name+".coef"].F32,
			f.tensors["sklearn."+c.name+".intercept"].F32)
		if math.Abs(ours/theirs-1) > 1e-6 {
			t.Errorf("%s: objective %.10g, want %.10g", c.name, ours, theirs)
		}
		want := f.tensors["sklearn."+c.name+".probability"].F32
		golden.Close(t, c.name+" probability", probabilities(t, fit, c.test), want, golden.Tol{Abs: 1e-4})
		if got, err := fit.Accuracy(context.Background(), c.test); err != nil || got != c.want.Accuracy {
			t.Errorf("%s: accuracy %v, %v; want %v", c.name, got, err, c.want.Accuracy)
		}
	}
}

// objective is that of logistic regression, from its definition.
func objective(s Set, c float64, weight, bias []float32) float64 {
	total := 0.0
	for i, label := range s.Labels {
		z, sum := make([]float64, len(bias)), 0.0
		for k := range z {
			z[k] = float64(bias[k])
			for j, x := range s.Row(i) {
				z[k] += float64(x) * float64(weight[k*s.Dim+j])
			}
		}
		top := slices.Max(z)
		for _, v := range z {
			sum += math.Exp(v - top)
		}
		total += top + math.Log(sum) - z[label]
	}
	square := 0.0
	for _, w := range weight {
		square += float64(w) * float64(w)
	}
	return c*total + square/2
}

func probabilities(t *testing.T, fit *Fitted, s Set) []float32 {
	t.Helper()
	p, err := fit.Logits(context.Background(), s.Features)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Labels {
		row := p[i*fit.Classes : (i+1)*fit.Classes]
		top, sum := float64(slices.Max(row)), 0.0
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		for j, v := range row {
			row[j] = float32(math.Exp(float64(v)-top) / sum)
		}
	}
	return p
}

// TestGoldenBenchmarkFewShot compares with scikit-learn's fits and nearest class means on the samples that CLIP_benchmark drew.
func TestGoldenBenchmarkFewShot(t *testing.T) {
	f := load(t)
	c := f.figures.Sklearn.Normalised.C
	for name, want := range f.figures.Sklearn.FewShot {
		drawn := f.train.Select(ints(f.tensors[name+".rows"].I64))
		classes := f.train.Classes()
		fit, err := Logistic{C: c}.Fit(context.Background(), drawn.Normalized(), classes)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fit.Accuracy(context.Background(), f.test.Normalized()); err != nil || got != want.Plain {
			t.Errorf("%s: accuracy %v, %v; want %v", name, got, err, want.Plain)
		}
		if got, err := nearestMean(drawn, f.test, classes); err != nil || got != want.NearestMean {
			t.Errorf("%s: nearest class mean %v, %v; want %v", name, got, err, want.NearestMean)
		}
	}
	if len(f.figures.Sklearn.FewShot) == 0 {
		t.Fatal("no fits")
	}
}

// TestGoldenBenchmarkGridOfC compares the accuracies for each C, and after a fit with the best one on training and validation data.
func TestGoldenBenchmarkGridOfC(t *testing.T) {
	f := load(t)
	for name, want := range f.figures.Sklearn.Grid {
		train, val, test := f.train, f.val, f.test
		if name != "raw" {
			train, val, test = train.Normalized(), val.Normalized(), test.Normalized()
		}
		var cs []float64
		for _, row := range want.Rows {
			cs = append(cs, row[0])
		}
		fits, err := fitPath(train, train.Classes(), cs)
		if err != nil {
			t.Fatal(err)
		}
		best, highest := 0.0, -1.0
		off := 0
		for i, fit := range fits {
			for j, set := range []Set{train, val, test} {
				got, err := fit.Accuracy(context.Background(), set)
				if err != nil {
					t.Fatal(err)
				}
				if j == 1 && got > highest {
					best, highest = fit.C, got
				}
				if got != want.Rows[i][j+1] {
					off++
					t.Logf("%s C %g: accuracy %d is %v, want %v", name, fit.C, j, got, want.Rows[i][j+1])
				}
			}
		}
		if off > 0 {
			t.Errorf("%s: %d of %d accuracies differ", name, off, 3*len(fits))
		}
		if best != want.BestC {
			t.Errorf("%s: the best C is %g, want %g", name, best, want.BestC)
		}
		final, err := Logistic{C: want.BestC}.Fit(context.Background(), train.Join(val), train.Classes())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := final.Accuracy(context.Background(), test); err != nil || got != want.Final {
			t.Errorf("%s: %v, %v after training and validation data; want %v", name, got, err, want.Final)
		}
	}
}
