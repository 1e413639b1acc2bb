package probe

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/fault"
)

// clusters are samples around a random centre for each class.
func clusters(seed uint64, n, dim, classes int, spread float64) Set {
	random := rand.New(rand.NewPCG(7, 7))
	centres := make([]float64, classes*dim)
	for i := range centres {
		centres[i] = random.NormFloat64()
	}
	random = rand.New(rand.NewPCG(seed, 1))
	s := Set{Dim: dim}
	for i := range n {
		class := i % classes
		s.Labels = append(s.Labels, class)
		for j := range dim {
			s.Features = append(s.Features, float32(centres[class*dim+j]+spread*random.NormFloat64()))
		}
	}
	return s
}

// The gradient of the objective is 0 at the minimum; here it is computed from the definition.
func TestTheGradientIsZeroAtTheMinimum(t *testing.T) {
	s := clusters(1, 200, 12, 5, 2)
	const c = 0.7
	fit, err := Logistic{C: c, Tolerance: 1e-14}.Fit(context.Background(), s, 6) // a class without samples
	if err != nil {
		t.Fatal(err)
	}
	gradient, intercepts := make([]float64, len(fit.Weight)), make([]float64, fit.Classes)
	for i, w := range fit.Weight {
		gradient[i] = float64(w)
	}
	for i, label := range s.Labels {
		p := make([]float64, fit.Classes)
		sum := 0.0
		for k := range p {
			z := float64(fit.Bias[k])
			for j, x := range s.Row(i) {
				z += float64(x) * float64(fit.Weight[k*s.Dim+j])
			}
			p[k] = math.Exp(z)
			sum += p[k]
		}
		for k := range p {
			d := p[k] / sum
			if k == label {
				d--
			}
			intercepts[k] += c * d
			for j, x := range s.Row(i) {
				gradient[k*s.Dim+j] += c * d * float64(x)
			}
		}
	}
	for _, g := range append(gradient, intercepts...) {
		if math.Abs(g) > 2e-4 { // float32 weights, 200 samples
			t.Fatalf("a gradient of %g", g)
		}
	}
}

func TestResultsDependOnSeedAlone(t *testing.T) {
	train, val, test := clusters(1, 120, 8, 6, 1), clusters(2, 60, 8, 6, 1), clusters(3, 60, 8, 6, 1)
	for _, p := range []Protocol{{AdamW: CLIPBenchmark, Shots: 3, Seed: 5}, {Logistic: true, Shots: 3, Seed: 5}, {Logistic: true}} {
		a, err := p.Measure(context.Background(), train, val, test, 6)
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Measure(context.Background(), train, val, test, 6)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Head.Weight, b.Head.Weight) || a.Top1 != b.Top1 || !slices.Equal(a.Rows, b.Rows) {
			t.Errorf("seed %d, logistic %v: two runs reached %v and %v", p.Seed, p.Logistic, a.Top1, b.Top1)
		}
		if a.Top1 < 0.5 || len(a.Search) == 0 || a.Top5 == nil {
			t.Errorf("seed %d, logistic %v: accuracy %v after %d trials", p.Seed, p.Logistic, a.Top1, len(a.Search))
		}
		p.Seed++
		c, err := p.Measure(context.Background(), train, val, test, 6)
		if err != nil {
			t.Fatal(err)
		}
		if p.Shots > 0 && slices.Equal(a.Rows, c.Rows) {
			t.Errorf("two seeds chose %v", a.Rows)
		}
	}
}

func TestFewShotTakesAsManyOfEachClass(t *testing.T) {
	s := clusters(1, 50, 2, 5, 1)
	rows, err := FewShot(s.Labels, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, r := range rows {
		count[s.Labels[r]]++
	}
	for class := range 5 {
		if count[class] != 4 {
			t.Errorf("class %d has %d", class, count[class])
		}
	}
}

func TestBadInputIsRefused(t *testing.T) {
	good := clusters(1, 12, 2, 3, 1)
	bad := Set{Features: slices.Clone(good.Features), Dim: 2, Labels: slices.Clone(good.Labels)}
	bad.Features[5] = float32(math.NaN())
	for name, c := range map[string]struct {
		set     Set
		classes int
		shots   int
		kind    fault.Kind
	}{
		"label": {good, 2, 0, fault.Data}, "NaN": {bad, 3, 0, fault.Data}, "empty": {Set{Dim: 2}, 3, 0, fault.Data},
		"few": {good, 3, 5, fault.Data},
	} {
		_, err := Protocol{AdamW: CLIPBenchmark, Shots: c.shots}.Measure(context.Background(), c.set, Set{}, good, c.classes)
		if err == nil || fault.Of(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (Logistic{C: -1}).Fit(context.Background(), good, 3); err == nil || fault.Of(err) != fault.Usage {
		t.Errorf("C -1: %v", err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Logistic{C: 1}).Fit(done, good, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The nearest samples are found by a plain loop.
func TestNeighboursVote(t *testing.T) {
	train, query := clusters(1, 300, 5, 4, 1.5), clusters(2, 60, 5, 4, 1.5)
	got, err := KNN{K: 7, Temperature: 0.07}.Predict(context.Background(), train, query.Features)
	if err != nil {
		t.Fatal(err)
	}
	near, far := train.Normalized(), query.Normalized()
	for i := range query.Labels {
		type one struct {
			cosine float64
			label  int
		}
		var all []one
		for j := range train.Labels {
			sum := 0.0
			for d := range train.Dim {
				sum += float64(near.Row(j)[d]) * float64(far.Row(i)[d])
			}
			all = append(all, one{sum, train.Labels[j]})
		}
		slices.SortFunc(all, func(a, b one) int {
			if a.cosine > b.cosine {
				return -1
			}
			return 1
		})
		votes := make([]float64, 4)
		for _, o := range all[:7] {
			votes[o.label] += math.Exp(o.cosine / 0.07)
		}
		if want := slices.Index(votes, slices.Max(votes)); got[i] != want {
			t.Errorf("sample %d: class %d, want %d", i, got[i], want)
		}
	}
}
