package captioning

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// language is a made-up model of few tokens: the logits of the next one depend on all before it. 0 is padding, 1 the start,
// 2 the end.
type language struct{ vocabulary int }

func (l language) logits(ids []int32) []float32 {
	seed := uint64(7)
	for _, id := range ids {
		seed = seed*31 + uint64(id) + 1
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, l.vocabulary)
	for i := range out {
		out[i] = float32(1.5 * rng.NormFloat64())
	}
	return out
}

// reader follows rows as a model does.
func (l language) reader() reader {
	var rows [][]int32
	return func(parents []int, ids [][]int32) ([][]float32, error) {
		next, out := make([][]int32, len(parents)), make([][]float32, len(parents))
		for i, p := range parents {
			if rows != nil {
				next[i] = slices.Clone(rows[p])
			}
			next[i] = append(next[i], ids[i]...)
			out[i] = l.logits(next[i])
		}
		rows = next
		return out, nil
	}
}

// logProb is that of a caption by the definition: the sum over its tokens and its end.
func (l language) logProb(body []int32) float64 {
	ids, sum := []int32{1}, 0.0
	for _, id := range append(slices.Clone(body), 2) {
		sum += logSoftmax(l.logits(ids), 1)[id]
		ids = append(ids, id)
	}
	return sum
}

// bodies lists every caption of least to most tokens out of 3..vocabulary-1.
func (l language) bodies(least, most int) (out [][]int32) {
	var grow func(body []int32)
	grow = func(body []int32) {
		if len(body) >= least {
			out = append(out, slices.Clone(body))
		}
		if len(body) == most {
			return
		}
		for id := int32(3); id < int32(l.vocabulary); id++ {
			grow(append(body, id))
		}
	}
	grow(nil)
	return out
}

func settings(method Method) Generation {
	return Generation{Method: method, Beams: 3, LengthPenalty: 1, TopP: 1, Temperature: 1, MaxLength: 4, Start: 1, End: 2}
}

// As many beams as there are captions leave nothing out: the best of all is found, whatever the penalty.
func TestEnoughBeamsFindTheBestCaption(t *testing.T) {
	l := language{6}
	for _, penalty := range []float64{-1, 0, 0.7, 1, 2} {
		for _, least := range []int{0, 2} {
			g := settings(Beam)
			g.Beams, g.LengthPenalty, g.MinLength = 200, penalty, least
			got, err := g.write(1, l.reader())
			if err != nil {
				t.Fatal(err)
			}
			best := Caption{LogProb: math.Inf(-1)}
			for _, body := range l.bodies(least, g.MaxLength) {
				if c := (Caption{IDs: body, LogProb: l.logProb(body), Ended: true}); math.IsInf(best.LogProb, -1) ||
					g.score(c) > g.score(best) {
					best = c
				}
			}
			if !slices.Equal(got[0].IDs, best.IDs) || math.Abs(got[0].LogProb-best.LogProb) > 1e-9 {
				t.Errorf("penalty %g, at least %d: %v, %.4f; the best is %v, %.4f", penalty, least, got[0].IDs, got[0].LogProb, best.IDs,
					best.LogProb)
			}
		}
	}
}

// One beam, and a language whose captions end at once (0.6) or go on with certainty to three more words (0.3): log 0.6 is less
// than a quarter of log 0.3, so that the long one is better by its mean, and the short one by its sum. A search that ended
// with the first end would miss the long one.
func TestTheSearchGoesOnWhileSomethingBetterMayCome(t *testing.T) {
	sure := func(ids []int32) []float32 {
		out := []float32{-90, -90, -90, -90, -90}
		switch len(ids) {
		case 1:
			out[2], out[3], out[4] = float32(math.Log(0.6)), float32(math.Log(0.3)), float32(math.Log(0.1))
		case 4:
			out[2] = 0
		default:
			out[3] = 0
		}
		return out
	}
	for penalty, want := range map[float64][]int32{0: nil, 1: {3, 3, 3}} {
		g := settings(Beam)
		g.Beams, g.LengthPenalty, g.MaxLength = 1, penalty, 6
		var row []int32
		got, err := g.write(1, func(_ []int, ids [][]int32) ([][]float32, error) {
			row = append(row, ids[0]...)
			return [][]float32{sure(row)}, nil
		})
		if err != nil || !slices.Equal(got[0].IDs, want) {
			t.Errorf("penalty %g: %v, want %v; %v", penalty, got[0].IDs, want, err)
		}
	}
}

func TestFewBeamsEndWithACompleteCaption(t *testing.T) {
	l := language{6}
	for beams := 1; beams <= 5; beams++ {
		g := settings(Beam)
		g.Beams = beams
		got, err := g.write(3, l.reader())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got { // all three are the same picture here
			if !c.Ended || math.Abs(c.LogProb-l.logProb(c.IDs)) > 1e-9 || !slices.Equal(c.IDs, got[0].IDs) {
				t.Errorf("%d beams: %+v, its probability is %.4f", beams, c, l.logProb(c.IDs))
			}
		}
	}
}

func TestGreedyTakesTheLikeliestEachTime(t *testing.T) {
	l := language{7}
	for _, least := range []int{0, 3} {
		g := settings(Greedy)
		g.MinLength = least
		got, err := g.write(2, l.reader())
		if err != nil {
			t.Fatal(err)
		}
		ids := []int32{1}
		for len(ids) <= g.MaxLength {
			logits := l.logits(ids)
			logits[0], logits[1] = -100, -100
			if len(ids)-1 < least {
				logits[2] = -100
			}
			best := int32(slices.Index(logits, slices.Max(logits)))
			if best == 2 {
				break
			}
			ids = append(ids, best)
		}
		for _, c := range got {
			if !slices.Equal(c.IDs, ids[1:]) || c.Ended != (len(ids) <= g.MaxLength) {
				t.Errorf("at least %d: %+v, want %v", least, c, ids[1:])
			}
		}
	}
}

// Each picture has random numbers of its own, so that 20,000 of them are a sample. Binomial deviation is 0.0035 at most;
// five of them are allowed.
func TestTopPDrawsFromTheNucleus(t *testing.T) {
	const n = 20000
	l := language{7}
	g := settings(TopP)
	g.MaxLength, g.TopP, g.Temperature, g.Seed = 1, 0.75, 0.8, 5
	got, err := g.write(n, l.reader())
	if err != nil {
		t.Fatal(err)
	}
	count := map[int32]float64{}
	for _, c := range got {
		if len(c.IDs) == 0 {
			count[2]++
			continue
		}
		count[c.IDs[0]]++
	}
	want := nucleus(l.logits([]int32{1}), g)
	for id := range int32(l.vocabulary) {
		if math.Abs(count[id]/n-want[id]) > 0.0175 {
			t.Errorf("token %d: drawn %.4f of the time, not %.4f", id, count[id]/n, want[id])
		}
	}
}

// nucleus is the distribution by its definition: 0 and 1 can't follow, the likeliest until their sum reaches TopP.
func nucleus(logits []float32, g Generation) map[int32]float64 {
	p, all := map[int32]float64{}, 0.0
	for id, v := range logits {
		if id > 1 {
			p[int32(id)] = math.Exp(float64(v) / g.Temperature)
			all += p[int32(id)]
		}
	}
	out, sum := map[int32]float64{}, 0.0
	for sum < g.TopP*all {
		best := int32(-1)
		for id := range p {
			if _, taken := out[id]; !taken && (best < 0 || p[id] > p[best]) {
				best = id
			}
		}
		out[best] = p[best]
		sum += p[best]
	}
	for id := range out {
		out[id] /= sum
	}
	return out
}

func TestTheSeedAndThePictureDecideADraw(t *testing.T) {
	l := language{9}
	draw := func(seed uint64, offset, n int) []string {
		g := settings(TopP)
		g.Seed, g.Offset, g.MaxLength = seed, offset, 12
		got, err := g.write(n, l.reader())
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range got {
			out = append(out, fmt.Sprint(c.IDs))
		}
		return out
	}
	whole := draw(1, 0, 20)
	if parts := append(draw(1, 0, 7), draw(1, 7, 13)...); !slices.Equal(whole, parts) {
		t.Errorf("in two calls %v, in one %v", parts, whole)
	}
	if other := draw(2, 0, 20); slices.Equal(whole, other) {
		t.Error("another seed gives the same captions")
	}
}

func TestAPromptBeginsEveryCaption(t *testing.T) {
	l := language{7}
	for _, method := range []Method{Greedy, Beam, TopP} {
		g := settings(method)
		g.Prompt = []int32{5, 3}
		got, err := g.write(2, l.reader())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got {
			if len(c.IDs) < 2 || !slices.Equal(c.IDs[:2], g.Prompt) || len(c.IDs) > g.MaxLength {
				t.Errorf("%s: %v", method, c.IDs)
			}
		}
	}
}

func TestGenerationIsRefusedWithoutSense(t *testing.T) {
	for name, change := range map[string]func(*Generation){
		"method":  func(g *Generation) { g.Method = "best" },
		"beams":   func(g *Generation) { g.Beams = 0 },
		"top-p":   func(g *Generation) { g.TopP = 1.5 },
		"heat":    func(g *Generation) { g.Temperature = 0 },
		"lengths": func(g *Generation) { g.MinLength = 9 },
		"no room": func(g *Generation) { g.MaxLength = 0 },
		"penalty": func(g *Generation) { g.LengthPenalty = math.NaN() },
	} {
		g := settings(Beam)
		change(&g)
		if g.Validate(77) == nil {
			t.Errorf("%s: nothing is said", name)
		}
	}
	g := settings(Beam)
	g.Prompt = make([]int32, 90)
	if _, ok := errors.AsType[*PromptError](g.Validate(77)); !ok {
		t.Errorf("a long prompt: %v", g.Validate(77))
	}
}

func TestLogitsThatAreNotNumbersAreAnError(t *testing.T) {
	nan := func(parents []int, _ [][]int32) ([][]float32, error) {
		out := make([][]float32, len(parents))
		for i := range out {
			out[i] = slices.Repeat([]float32{float32(math.NaN())}, 5)
		}
		return out, nil
	}
	if _, err := settings(Beam).write(2, nan); err == nil {
		t.Error("no error")
	}
}
