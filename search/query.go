package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"clipgo/internal/vec"
)

// Term is one part of a query and how much it counts. Its content is one of Text, Picture, Like and Feature.
type Term struct {
	Weight  float64 // below 0: what the hits should not be like
	Text    string
	Picture []byte    // the content of a picture file
	Like    string    // the path of a row of the index, whose feature is taken
	Feature []float32 // a feature of the index's space that is there already
	Path    string    // of the picture's file, for messages; a row with this path is no hit. It is never opened
}

// Encoder turns the content of terms into features of the index's space, normalized or not.
type Encoder interface {
	EncodeText(ctx context.Context, text string) ([]float32, error)
	EncodePicture(ctx context.Context, file []byte) ([]float32, error)
}

// Combine adds the terms' directions by weight. The query that it returns has the unit vector of the sum, and leaves out the
// pictures that the terms are made of. Terms that cancel each other out are ErrNoDirection, a Like without a row is ErrNoRow.
func Combine(ctx context.Context, ix Index, terms []Term, e Encoder) (Query, error) {
	var q Query
	var sum []float64
	for _, t := range terms {
		v, err := t.feature(ctx, ix, e)
		if err != nil {
			return q, fmt.Errorf("query %q: %w", t.name(), err)
		}
		unit, err := unitRow(v)
		if err != nil {
			return q, fmt.Errorf("query %q: %w", t.name(), err)
		}
		if sum == nil {
			sum = make([]float64, len(v))
		}
		if len(v) != len(sum) {
			return q, fmt.Errorf("query %q: %d values, the term before had %d", t.name(), len(v), len(sum))
		}
		for i, x := range unit {
			sum[i] += t.Weight * x
		}
		if path := cmp.Or(t.Path, t.Like); path != "" {
			q.Without = append(q.Without, path)
		}
	}
	q.Vector = vec.Direction(sum)
	return q, cancels(sum)
}

// feature is the term's, as it comes from the model or the index.
func (t Term) feature(ctx context.Context, ix Index, e Encoder) ([]float32, error) {
	switch text, picture, like, feature := t.Text != "", len(t.Picture) > 0, t.Like != "", t.Feature != nil; {
	case text && !picture && !like && !feature:
		return e.EncodeText(ctx, t.Text)
	case picture && !text && !like && !feature:
		return e.EncodePicture(ctx, t.Picture)
	case like && !text && !picture && !feature:
		return ix.Feature(ctx, t.Like)
	case feature && !text && !picture && !like:
		return t.Feature, nil
	}
	return nil, errors.New("a term is a text, a picture, the path of a row or a feature, one of them")
}

// name is the term in messages.
func (t Term) name() string { return cmp.Or(t.Text, t.Path, t.Like, "picture") }

// String is how the term was understood.
func (t Term) String() string {
	switch {
	case t.Text != "":
		return fmt.Sprintf("%+g x text %q", t.Weight, t.Text)
	case len(t.Picture) > 0, t.Feature != nil:
		return fmt.Sprintf("%+g x picture %q", t.Weight, t.name())
	}
	return fmt.Sprintf("%+g x the indexed picture %q", t.Weight, t.Like)
}

// cancels refuses a sum without a direction: what remains of "cat" - "cat" is rounding.
func cancels(sum []float64) error {
	var norm float64
	for _, x := range sum {
		norm += x * x
	}
	if norm < 1e-12 {
		return ErrNoDirection
	}
	return nil
}

// unitRow is x over its norm, in float64.
func unitRow(x []float32) ([]float64, error) {
	out := make([]float64, len(x))
	if norm := vec.Unit(out, x); norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("a feature of length %v has no direction", norm)
	}
	return out, nil
}
