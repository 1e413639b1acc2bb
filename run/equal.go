package run

import (
	"context"
	"fmt"

	"clipgo/datasets"
)

// equalCaptions warns of data whose captions are fewer than the pairs of a step, such as class folders: with InfoNCE equal captions of a
// batch are negatives for each other, and dedup_targets changes no more than label smoothing. Empty where it isn't so.
func (s *session) equalCaptions() string {
	n := s.contrasted()
	if n < 2 || s.Objective == siglipObjective {
		return ""
	}
	some := datasets.Sample(s.train, max(borrowed, n))
	distinct := map[string]bool{}
	for i := range some.Len() {
		e, err := some.Entry(context.Background(), i)
		if err != nil {
			continue // the loader will say so
		}
		for _, caption := range e.Captions {
			distinct[caption] = true
		}
	}
	if len(distinct) == 0 || 2*len(distinct) > n {
		return ""
	}
	return fmt.Sprintf("the data has about %d different captions for %d pairs in a step: InfoNCE treats equal captions as negatives; "+
		"objective siglip with dedup_targets doesn't", len(distinct), n)
}
