package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The oracle goes through all pairs by the definitions, one number at a time.
func TestAnatomyIsByItsDefinitions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, dim, batch = 22, 5, 7
	p := Pairs{Images: normal(r, n*dim), Texts: normal(r, n*dim), Dim: dim, Scale: 3, Candidates: batch}
	for i := range n {
		p.Group = append(p.Group, i)
	}
	p.Group[3] = 2 // the same caption, in the same batch
	copy(p.Texts[3*dim:4*dim], p.Texts[2*dim:3*dim])
	for i := 0; i < n; i += 2 { // some pairs are separated
		copy(p.Images[i*dim:(i+1)*dim], p.Texts[i*dim:(i+1)*dim])
	}
	got, err := Dissect(p)
	if err != nil {
		t.Fatal(err)
	}
	image := func(i int) []float64 { return plainUnit(p.Images[i*dim : (i+1)*dim]) }
	text := func(i int) []float64 { return plainUnit(p.Texts[i*dim : (i+1)*dim]) }
	var alignment, spreadImages, spreadTexts, gapSquare float64
	imagePairs, textPairs := 0.0, 0.0
	for i := range n {
		alignment += plainSquare(image(i), text(i)) / n
		for j := i + 1; j < n; j++ {
			spreadImages += math.Exp(-2 * plainSquare(image(i), image(j)))
			imagePairs++
			if i != 3 && j != 3 { // counted once
				spreadTexts += math.Exp(-2 * plainSquare(text(i), text(j)))
				textPairs++
			}
		}
	}
	for k := range dim {
		var d float64
		for i := range n {
			d += (image(i)[k] - text(i)[k]) / n
		}
		gapSquare += d * d
	}
	separated, compared := plainSeparated(p, image, text)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"alignment", got.Alignment, alignment},
		{"uniformity of pictures", got.ImageUniformity, math.Log(spreadImages / imagePairs)},
		{"uniformity of captions", got.TextUniformity, math.Log(spreadTexts / textPairs)},
		{"gap", got.ModalityGap, math.Sqrt(gapSquare)},
		{"separated", got.Separated, float64(separated) / float64(compared)},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s %v, want %v", c.name, c.got, c.want)
		}
	}
	if separated == 0 || separated == compared || compared != 21 {
		t.Errorf("%d of %d separated: the case shows nothing", separated, compared)
	}
	plainCalibration(t, p, got.Calibration, image, text)
}

func plainUnit(x []float32) []float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v) / math.Sqrt(sum)
	}
	return out
}

func plainSquare(a, b []float64) (sum float64) {
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

func plainDot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func plainSeparated(p Pairs, image, text func(int) []float64) (separated, compared int) {
	for i := range len(p.Group) / p.Candidates * p.Candidates {
		compared++
		from := i / p.Candidates * p.Candidates
		worst := math.Inf(-1)
		for j := from; j < from+p.Candidates; j++ {
			if p.Group[j] != p.Group[i] {
				worst = max(worst, plainDot(image(i), text(j)), plainDot(image(j), text(i)))
			}
		}
		if plainDot(image(i), text(i)) > worst {
			separated++
		}
	}
	return separated, compared
}

// plainCalibration sorts the answers into bins by their confidence.
func plainCalibration(t *testing.T, p Pairs, got Calibration, image, text func(int) []float64) {
	t.Helper()
	type answer struct {
		confidence float64
		right      bool
	}
	bins := make([][]answer, 15)
	total := 0
	for i := range len(p.Group) / p.Candidates * p.Candidates {
		from := i / p.Candidates * p.Candidates
		for _, cosine := range []func(j int) float64{
			func(j int) float64 { return plainDot(image(i), text(j)) },
			func(j int) float64 { return plainDot(image(j), text(i)) },
		} {
			share, sum := map[int]float64{}, 0.0
			for j := from; j < from+p.Candidates; j++ {
				share[p.Group[j]] += math.Exp(p.Scale * cosine(j))
				sum += math.Exp(p.Scale * cosine(j))
			}
			best, most := -1, 0.0
			for g := range share {
				if share[g] > most {
					best, most = g, share[g]
				}
			}
			c := most / sum
			at := max(int(math.Ceil(c*15))-1, 0)
			bins[at] = append(bins[at], answer{c, best == p.Group[i]})
			total++
		}
	}
	var want float64
	for i, answers := range bins {
		var sure, right float64
		for _, a := range answers {
			sure += a.confidence
			if a.right {
				right++
			}
		}
		want += math.Abs(sure-right) / float64(total)
		if got.Bins[i].N != len(answers) {
			t.Errorf("bin %d has %d answers, want %d", i, got.Bins[i].N, len(answers))
		}
	}
	if math.Abs(got.Error-want) > 1e-12 {
		t.Errorf("calibration error %v, want %v", got.Error, want)
	}
}

func TestAnatomyOfExtremes(t *testing.T) {
	// Four pairs on the axes of the plane and its opposites, perfect but for the scale.
	axes := []float32{1, 0, 0, 1, -1, 0, 0, -1}
	p := Pairs{Images: axes, Texts: slices.Clone(axes), Dim: 2, Group: []int{0, 1, 2, 3}, Scale: 100, Candidates: 4}
	a, err := Dissect(p)
	if err != nil {
		t.Fatal(err)
	}
	spread := math.Log((4*math.Exp(-4) + 2*math.Exp(-8)) / 6) // squared distances 2 between neighbours, 4 across
	if a.Alignment != 0 || a.ModalityGap != 0 || a.Separated != 1 || math.Abs(a.ImageUniformity-spread) > 1e-12 ||
		a.Calibration.Error > 1e-9 || a.Calibration.Accuracy != 1 {
		t.Errorf("%+v", a)
	}
	p.Scale = 0 // says nothing: a quarter each, and the answer is the first
	if a, err = Dissect(p); err != nil || math.Abs(a.Calibration.Confidence-0.25) > 1e-12 || a.Calibration.Accuracy != 0.25 ||
		a.Calibration.Error > 1e-12 {
		t.Errorf("%+v, %v", a.Calibration, err)
	}
	// Moved apart by a common direction, the towers have a gap, and the pairs are as separate as before.
	moved := Pairs{Dim: 3, Group: p.Group, Scale: 100, Candidates: 4}
	for i := range 4 {
		moved.Images = append(moved.Images, 0.6*axes[2*i], 0.6*axes[2*i+1], 0.8)
		moved.Texts = append(moved.Texts, 0.6*axes[2*i], 0.6*axes[2*i+1], -0.8)
	}
	if a, err = Dissect(moved); err != nil || math.Abs(a.ModalityGap-1.6) > 1e-7 || math.Abs(a.Alignment-2.56) > 1e-6 || a.Separated != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	for name, bad := range map[string]Pairs{
		"one pair": {Images: axes[:2], Texts: axes[:2], Dim: 2, Group: []int{0}, Candidates: 4},
		"unequal":  {Images: axes, Texts: axes[:4], Dim: 2, Group: p.Group, Candidates: 4},
		"NaN":      {Images: axes, Texts: []float32{1, 0, 0, 1, -1, 0, 0, float32(math.NaN())}, Dim: 2, Group: p.Group, Candidates: 4},
	} {
		if _, err := Dissect(bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestEntropyIsAShareOfWhatMayBeSeen(t *testing.T) {
	var e Entropy
	half := float32(0.5)
	// One head spreads evenly, one looks at one token; the second input's last query doesn't count.
	e.Add(Maps{Layer: 1, Batch: 2, Heads: 2, Length: 3, Causal: true, Used: []int{3, 2}, Weights: []float32{
		1, 0, 0, half, half, 0, 1. / 3, 1. / 3, 1. / 3,
		1, 0, 0, 0, 1, 0, 0, 0, 1,
		1, 0, 0, half, half, 0, 0, 0, 1,
		1, 0, 0, 1, 0, 0, half, half, 0,
	}})
	e.Add(Maps{Layer: 0, Batch: 1, Heads: 2, Length: 2, Weights: []float32{0.25, 0.75, half, half, 1, 0, 0, 1}})
	quarter := -(0.25*math.Log(0.25) + 0.75*math.Log(0.75)) / math.Log(2)
	want := [][]float64{{(quarter + 1) / 2, 0}, {1, 0}}
	for layer, heads := range e.Mean() {
		for head, v := range heads {
			if math.Abs(v-want[layer][head]) > 1e-7 {
				t.Errorf("layer %d head %d: %v, want %v", layer, head, v, want[layer][head])
			}
		}
	}
}

func TestAgreementCountsTiesAndEqualRewards(t *testing.T) {
	var a Agreement
	if err := a.Add([]float32{2, 1, 0, 5, 3}, []float32{1, 2, 0, 1, 1}, []float64{1, 1, 1, 0.5, 0}); err != nil {
		t.Fatal(err)
	}
	// right, wrong, equal, tie, wrong: 1.5 of 4; margins 1, -1, 0, -2
	if a.Value != 1.5/4 || a.Pairs != 5 || a.Ties != 1 || a.Equal != 1 || a.Margin != -0.5 {
		t.Errorf("%+v", a)
	}
	nan := float32(math.NaN())
	for _, err := range []error{a.Add([]float32{nan}, []float32{1}, []float64{1}), a.Add([]float32{1}, nil, []float64{1})} {
		if err == nil {
			t.Error("accepted")
		}
	}
}
