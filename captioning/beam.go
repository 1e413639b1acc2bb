package captioning

import (
	"cmp"
	"math"
	"slices"
)

// search follows the captions of one picture.
type search struct {
	live []Caption // not ended, best first
	rows []int     // of the live ones in the last logits
	done []Caption // ended, at most as many as there are beams
}

// beams writes captions by beam search: at each length those of the highest probability are followed, and among all that
// end, the one of the best score is taken. A caption that can't be beaten any more ends the search.
func (g Generation) beams(logits [][]float32, read reader) ([]Caption, error) {
	searches := make([]*search, len(logits))
	for i := range searches {
		searches[i] = &search{live: []Caption{{IDs: slices.Clone(g.Prompt)}}, rows: []int{i}}
	}
	for {
		var parents []int
		var ids [][]int32
		for _, s := range searches {
			if len(s.live) == 0 {
				continue
			}
			from := g.step(s, logits)
			for i := range s.live {
				s.rows = append(s.rows, len(parents))
				parents, ids = append(parents, from[i]), append(ids, s.live[i].IDs[len(s.live[i].IDs)-1:])
			}
		}
		if len(parents) == 0 {
			break
		}
		var err error
		if logits, err = read(parents, ids); err != nil {
			return nil, err
		}
	}
	out := make([]Caption, len(searches))
	for i, s := range searches {
		out[i] = slices.MaxFunc(s.done, func(a, b Caption) int { return cmp.Compare(g.score(a), g.score(b)) })
	}
	return out, nil
}

// candidate is a live caption with one more token.
type candidate struct {
	beam    int
	id      int32
	logProb float64
}

// step replaces the live captions by their best continuations, and says of which rows of the logits those are.
func (g Generation) step(s *search, logits [][]float32) (from []int) {
	var live []Caption
	for rank, c := range g.best(s, logits) {
		parent := s.live[c.beam]
		switch {
		case c.id == g.End && rank < g.Beams:
			s.done = append(s.done, Caption{IDs: parent.IDs, LogProb: c.logProb, Ended: true})
		case c.id != g.End && len(live) < g.Beams:
			live = append(live, Caption{IDs: append(slices.Clone(parent.IDs), c.id), LogProb: c.logProb})
			from = append(from, s.rows[c.beam])
		}
	}
	slices.SortStableFunc(s.done, func(a, b Caption) int { return cmp.Compare(g.score(b), g.score(a)) })
	s.done = s.done[:min(len(s.done), g.Beams)]
	s.live, s.rows = live, nil
	if len(live) > 0 && len(s.done) == g.Beams && g.score(s.done[g.Beams-1]) >= g.attainable(live[0]) {
		s.live, from = nil, nil
	}
	return from
}

// best lists twice as many continuations as there are beams, so that enough of them go on when others end, the likeliest
// first.
func (g Generation) best(s *search, logits [][]float32) []candidate {
	var all []candidate
	order := func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.logProb, a.logProb), cmp.Compare(a.beam, b.beam), cmp.Compare(a.id, b.id))
	}
	most, least := 2*g.Beams, math.Inf(-1) // least: what is not above it can't be among them
	for i, c := range s.live {
		for id, l := range g.allowed(logits[s.rows[i]], len(c.IDs)) {
			next := candidate{i, int32(id), c.LogProb + l}
			if next.logProb <= least { // of equals the earlier one comes first
				continue
			}
			at, _ := slices.BinarySearchFunc(all, next, order)
			all = slices.Insert(all, at, next)
			if all = all[:min(len(all), most)]; len(all) == most {
				least = all[most-1].logProb
			}
		}
	}
	return all
}

// score compares captions of different lengths.
func (g Generation) score(c Caption) float64 {
	return c.LogProb / math.Pow(float64(len(c.IDs)-len(g.Prompt)+1), g.LengthPenalty)
}

// attainable is what the score of a live caption's continuations can't exceed.
func (g Generation) attainable(c Caption) float64 {
	length := len(c.IDs) - len(g.Prompt) + 1
	if g.LengthPenalty > 0 { // the longer, the better
		length = g.MaxLength - len(g.Prompt) + 1
	}
	return c.LogProb / math.Pow(float64(length), g.LengthPenalty)
}
