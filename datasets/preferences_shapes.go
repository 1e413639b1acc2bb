package datasets

import (
	"context"
	"fmt"

	"clipgo/datasets/shapes"
)

// shapesPreferences are scenes with two captions each, of which the better one names the count.
type shapesPreferences struct {
	*shapes.Set
	info Info
}

func openShapesPreferences(q query) (Source, error) {
	split := shapes.Split(q.choice("split", shapes.Train.String(), shapes.Val.String(), shapes.Novel.String()))
	length := uint64(500)
	if split == shapes.Train {
		length = 2000
	}
	c := shapes.Config{N: int(q.whole("n", length, 1, 31)), Seed: q.whole("seed", 0, 0, 64), Split: split}
	if q.err != nil {
		return nil, q.err
	}
	return &shapesPreferences{shapes.New(c), Info{
		Name: q.src, Kind: "builtin",
		Fingerprint: fmt.Sprintf("builtin:shapes-preferences/%d split=%s n=%d seed=%d", shapes.Version, split, c.N, c.Seed),
	}}, nil
}

func (s *shapesPreferences) Info() Info   { return s.info }
func (s *shapesPreferences) Close() error { return nil }
func (s *shapesPreferences) Form() Form   { return TwoCaptions }

func (s *shapesPreferences) Entry(i int) Entry {
	better, worse := s.Preference(i)
	e := Entry{Key: s.Key(i), Captions: []string{better, worse}, Label: -1}
	if !s.BetterFirst(i) {
		e.Captions = []string{worse, better}
	}
	return e
}

func (s *shapesPreferences) Preferred(i int) float64 {
	if s.BetterFirst(i) {
		return 1
	}
	return 0
}

func (s *shapesPreferences) Picture(ctx context.Context, i int) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	return Picture{RGB: s.Draw(i), Width: shapes.Side, Height: shapes.Side}, nil
}

func (s *shapesPreferences) Second(ctx context.Context, i int) (Picture, error) {
	return s.Picture(ctx, i)
}
