package captioning

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// draft is a caption that is being written.
type draft struct {
	Caption
	rng *rand.Rand // of TopP
}

// singly writes each caption on its own, greedily or by chance; those that have ended leave the batch.
func (g Generation) singly(logits [][]float32, read reader) ([]Caption, error) {
	drafts := make([]*draft, len(logits))
	for i := range drafts {
		drafts[i] = &draft{Caption: Caption{IDs: slices.Clone(g.Prompt)}}
		drafts[i].rng = rand.New(rand.NewPCG(g.Seed, uint64(g.Offset+i)))
	}
	alive := slices.Clone(drafts)
	for {
		var parents []int
		var ids [][]int32
		var next []*draft
		for i, d := range alive {
			if g.extend(d, logits[i]) {
				parents, ids, next = append(parents, i), append(ids, d.IDs[len(d.IDs)-1:]), append(next, d)
			}
		}
		if alive = next; len(alive) == 0 {
			break
		}
		var err error
		if logits, err = read(parents, ids); err != nil {
			return nil, err
		}
	}
	out := make([]Caption, len(drafts))
	for i, d := range drafts {
		out[i] = d.Caption
	}
	return out, nil
}

// extend puts a token behind a draft and says whether it goes on.
func (g Generation) extend(d *draft, logits []float32) bool {
	if len(d.IDs) == g.MaxLength { // cut: that it ends here is not the model's choice
		return false
	}
	logProbs := g.allowed(logits, len(d.IDs))
	id := likeliest(logProbs)
	if g.Method == TopP {
		id = g.draw(logProbs, d.rng)
	}
	d.LogProb += logProbs[id]
	if d.Ended = int32(id) == g.End; d.Ended {
		return false
	}
	d.IDs = append(d.IDs, int32(id))
	return true
}

// likeliest is the index of the largest number, the first of equals.
func likeliest(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}

// draw takes one of the likeliest tokens that together have the probability TopP, after Temperature.
func (g Generation) draw(logProbs []float64, rng *rand.Rand) int {
	if g.TopP == 1 {
		return drawAny(logProbs, g.Temperature, rng)
	}
	type token struct {
		id int
		p  float64
	}
	var tokens []token
	var all float64
	for id, l := range logProbs {
		if p := math.Exp(l / g.Temperature); p > 0 {
			tokens, all = append(tokens, token{id, p}), all+p
		}
	}
	slices.SortFunc(tokens, func(a, b token) int { return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id)) })
	kept, mass := 0, 0.0
	for kept < len(tokens) && mass < g.TopP*all {
		mass += tokens[kept].p
		kept++
	}
	at := rng.Float64() * mass
	for _, t := range tokens[:kept] {
		if at -= t.p; at < 0 {
			return t.id
		}
	}
	return tokens[kept-1].id
}

// drawAny takes one of all tokens, after Temperature.
func drawAny(logProbs []float64, temperature float64, rng *rand.Rand) (drawn int) {
	p := make([]float64, len(logProbs))
	var all float64
	for id, l := range logProbs {
		p[id] = math.Exp(l / temperature)
		all += p[id]
	}
	at := rng.Float64() * all
	for id, v := range p {
		if v == 0 {
			continue
		}
		drawn = id
		if at -= v; at < 0 {
			break
		}
	}
	return drawn
}
