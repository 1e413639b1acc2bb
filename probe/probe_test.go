package probe

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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

// The float32 gradients of a path lead to the minima that float64 finds, from the first value of C to the last, where the probabilities of
// separable classes are all but 1, and in any order of C.
func TestThePathReachesTheMinima(t *testing.T) {
	for name, s := range map[string]Set{"separable": clusters(1, 150, 12, 5, 0.3), "overlapping": clusters(1, 150, 12, 5, 3)} {
		for _, cs := range [][]float64{{1e-6, 1e-3, 0.3, 1, 1.3, 1.69, 1e3, 1e6}, {1e6, 1e-6, 10}} {
			fits, err := fitPath(s, 5, cs)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range cs {
				want, err := Logistic{C: c, Tolerance: 1e-13}.Fit(context.Background(), s, 5)
				if err != nil {
					t.Fatal(err)
				}
				got := fits[i]
				if off := got.Objective/want.Objective - 1; !(math.Abs(off) < 1e-6) || !got.Converged || got.C != c {
					t.Errorf("%s, C %g: objective %.10g, want %.10g; converged %v", name, c, got.Objective, want.Objective, got.Converged)
				}
			}
		}
	}
}

// A fit that starts near the minimum ends at the same one, sooner.
func TestAStartSavesTimeAlone(t *testing.T) {
	s := clusters(1, 200, 12, 5, 2)
	cold, err := Logistic{C: 1}.Fit(context.Background(), s, 5)
	if err != nil {
		t.Fatal(err)
	}
	warm, err := Logistic{C: 1, Start: &cold.Head}.Fit(context.Background(), s, 5)
	if err != nil || math.Abs(warm.Objective/cold.Objective-1) > 1e-9 || 2*warm.Iterations > cold.Iterations {
		t.Errorf("%v after %d gradients, %v; %v after %d", warm.Objective, warm.Iterations, err, cold.Objective, cold.Iterations)
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

// Several numbers of neighbours in one pass are what a plain loop finds for each.
func TestNeighboursVote(t *testing.T) {
	train, query := clusters(1, 300, 5, 8, 1.5), clusters(2, 60, 5, 8, 1.5)
	near, far := train.Normalized(), query.Normalized()
	for _, temperature := range []float64{0.07, 0} {
		got, err := KNN{K: []int{7, 1, 1000}, Temperature: temperature}.Measure(context.Background(), train, query)
		if err != nil || len(got) != 3 || got[2].K != 300 {
			t.Fatalf("%d results, %v", len(got), err)
		}
		for _, g := range got {
			var top1, top5 float64
			for i, label := range query.Labels {
				order := voted(near, far.Row(i), g.K, temperature)
				if len(order) == 0 || g.Predicted[i] != order[0] {
					t.Fatalf("K %d, temperature %v, sample %d: class %d, want %v", g.K, temperature, i, g.Predicted[i], order)
				}
				if order[0] == label {
					top1++
				}
				if slices.Contains(order[:min(5, len(order))], label) {
					top5++
				}
			}
			if g.Top1 != top1/60 || g.Top5 != top5/60 {
				t.Errorf("K %d, temperature %v: %v and %v, want %v and %v", g.K, temperature, g.Top1, g.Top5, top1/60, top5/60)
			}
		}
	}
	for _, k := range []KNN{{}, {K: []int{0}}, {K: []int{3, 3}}, {K: []int{3}, Temperature: -1}, {K: []int{3}, Temperature: math.NaN()}} {
		if _, err := k.Measure(context.Background(), train, query); err == nil || fault.Of(err) != fault.Usage {
			t.Errorf("%v: %v", k, err)
		}
	}
}

// voted are the classes with votes of the k nearest samples, the largest sum first.
func voted(train Set, query []float32, k int, temperature float64) (order []int) {
	type one struct {
		cosine float64
		label  int
	}
	var all []one
	for j, label := range train.Labels {
		sum := 0.0
		for d, v := range train.Row(j) {
			sum += float64(v) * float64(query[d])
		}
		all = append(all, one{sum, label})
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Compare(b.cosine, a.cosine) })
	votes := map[int]float64{}
	for _, o := range all[:k] {
		if temperature > 0 {
			votes[o.label] += math.Exp(o.cosine / temperature)
		} else {
			votes[o.label]++
		}
	}
	order = slices.Sorted(maps.Keys(votes))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(votes[b], votes[a]) })
	return order
}

// A study has a run for each number of samples and seed, and leaves out numbers that a class has too few samples for.
func TestAStudyHasARunForEachSeed(t *testing.T) {
	train, test := clusters(1, 40, 8, 5, 1), clusters(3, 50, 8, 5, 1)
	s := Study{Protocol: Protocol{Logistic: true}, Shots: []int{2, 9, 4}, Seeds: []uint64{3, 4, 5}}
	all, notes, err := s.Measure(context.Background(), train, Set{}, test, 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(notes) != 1 || !strings.Contains(notes[0], "9 samples per class: left out, class 0 has 8 samples") {
		t.Fatalf("%d numbers, notes %q", len(all), notes)
	}
	for _, r := range all {
		var top []float64
		for i, one := range r.Results {
			if one.Seed != s.Seeds[i] || len(one.Rows) != 5*r.Shots || one.C != openAIsC {
				t.Errorf("%d samples, run %d: seed %d, %d rows, C %v", r.Shots, i, one.Seed, len(one.Rows), one.C)
			}
			top = append(top, one.Top1)
		}
		mean := (top[0] + top[1] + top[2]) / 3
		square := 0.0
		for _, v := range top {
			square += (v - mean) * (v - mean)
		}
		if math.Abs(r.Top1.Mean-mean) > 1e-12 || math.Abs(r.Top1.Deviation-math.Sqrt(square/2)) > 1e-12 || r.NearestMean.Mean < 0.4 {
			t.Errorf("%d samples: %+v and %+v of %v", r.Shots, r.Top1, r.NearestMean, top)
		}
	}
	s.Shots = []int{9, 10}
	if _, _, err := s.Measure(context.Background(), train, Set{}, test, 5); err == nil || fault.Of(err) != fault.Data {
		t.Errorf("%v", err)
	}
}

// Without a validation set C is chosen on a fifth of the training set, and the final fit uses all of it.
func TestCIsChosenOnHeldOutSamples(t *testing.T) {
	train, test := clusters(1, 100, 8, 5, 2), clusters(3, 50, 8, 5, 2)
	for _, halving := range []bool{false, true} {
		r, err := Protocol{Logistic: true, Halving: halving}.Measure(context.Background(), train, Set{}, test, 5)
		if err != nil {
			t.Fatal(err)
		}
		best := 0.0
		for _, one := range r.Search {
			best = max(best, one.Accuracy)
		}
		chosen := slices.ContainsFunc(r.Search, func(one Trial) bool { return one.C == r.C && one.Accuracy == best })
		if want := map[bool]int{false: 96, true: 19}[halving]; len(r.Search) != want || !chosen || r.HeldOut != 20 || r.Train != 100 {
			t.Errorf("halving %v: %d trials, C %v, %d of %d samples held out", halving, len(r.Search), r.C, r.HeldOut, r.Train)
		}
	}
}
