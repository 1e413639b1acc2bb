package datasets

import (
	"context"
	"fmt"

	"clipgo/datasets/shapes"
)

// shapesPreferences are scenes with two captions each, of which the better one names the count.
type shapesPreferences struct{ shapesSource }

func openShapesPreferences(q query) (Source, error) {
	c := q.scenes(2000, 500)
	if q.err != nil {
		return nil, q.err
	}
	return &shapesPreferences{shapesSource{shapes.New(c), Info{
		Name: q.src, Kind: "builtin",
		Fingerprint: fmt.Sprintf("builtin:shapes-preferences/%d split=%s n=%d seed=%d", shapes.Version, c.Split, c.N, c.Seed),
	}}}, nil
}

func (s *shapesPreferences) Form() Form { return TwoCaptions }

func (s *shapesPreferences) Entry(_ context.Context, i int) (Entry, error) {
	better, worse := s.Preference(i)
	e := Entry{Key: s.Key(i), Captions: []string{better, worse}, Label: -1}
	if !s.BetterFirst(i) {
		e.Captions = []string{worse, better}
	}
	return e, nil
}

func (s *shapesPreferences) Preferred(i int) float64 {
	if s.BetterFirst(i) {
		return 1
	}
	return 0
}

func (s *shapesPreferences) Second(ctx context.Context, i int) (Picture, error) {
	return s.Picture(ctx, i)
}
