package curation

import (
	"context"
	"math"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// PairScore is how well a picture and its caption fit.
type PairScore struct {
	Cosine float64
	// Rank is the place of the own caption among up to Others captions of other pictures, from 1. Unlike the cosine it can be compared
	// between models.
	Rank int
	Of   int // captions that were compared, the own one included
}

// Others is the number of other captions that a PairScore's rank is among, at most.
const Others = 1000

// PairScores compares each picture with its caption. A picture without a caption has a Rank of 0.
func (c *Collection) PairScores(ctx context.Context) ([]PairScore, error) {
	out := make([]PairScore, c.Len())
	if c.Captions == nil {
		return out, ctx.Err()
	}
	var have []int
	for i := range c.Items {
		if !isZero(c.caption(i)) {
			have = append(have, i)
		}
	}
	parallel.For(len(have), func(at int) {
		if ctx.Err() != nil {
			return
		}
		i := have[at]
		s := PairScore{Cosine: vec.Dot(c.Feature(i), c.caption(i)), Rank: 1, Of: 1}
		// Others are spread evenly, so that captions of one folder aren't compared only with each other.
		apart := max(1, int(math.Ceil(float64(len(have)-1)/Others)))
		for step := apart; step < len(have); step += apart {
			j := have[(at+step)%len(have)]
			if c.Items[j].Caption == c.Items[i].Caption {
				continue
			}
			s.Of++
			if vec.Dot(c.Feature(i), c.caption(j)) > s.Cosine {
				s.Rank++
			}
		}
		out[i] = s
	})
	return out, ctx.Err()
}

func (c *Collection) caption(i int) []float32 { return c.Captions[i*c.Dim : (i+1)*c.Dim] }

func isZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}
