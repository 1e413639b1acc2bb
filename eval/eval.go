// Package eval computes metrics of a model: zero-shot classification, retrieval in both directions, average precision, caption scores.
//
// Features are float32 rows [n, dim], normalized or not; every function normalizes them. Metrics are fractions, with the names and
// the values of CLIP_benchmark and open_clip.
package eval

import (
	"context"
	"fmt"
	"math"

	"clipgo/internal/fault"
)

// Embedder embeds pictures and captions in a common space.
//
// Pixels are uint8 [n, S, S, 3] and ids int32 [n, L]; both methods return n rows of Dim values, normalized or not, or the context's error
// once it is done.
type Embedder interface {
	EmbedImages(ctx context.Context, pixels []uint8, n int) ([]float32, error)
	EmbedTokens(ctx context.Context, ids []int32, n int) ([]float32, error)
	Dim() int
}

// NotFiniteError reports features with a number that is NaN or infinite: the model's weights can't be right.
type NotFiniteError struct {
	What  string
	Row   int
	Value float32
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s: row %d holds %v: the model's weights lead to numbers that are not finite", e.What, e.Row, e.Value)
}

// Fault is the error's kind.
func (e *NotFiniteError) Fault() fault.Kind { return fault.Model }

// checkRows returns an error unless features are whole rows of finite numbers.
func checkRows(what string, x []float32, dim int) error {
	if dim <= 0 || len(x)%dim != 0 {
		return fmt.Errorf("%s: %d values are not rows of %d", what, len(x), dim)
	}
	for i, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return &NotFiniteError{What: what, Row: i / dim, Value: v}
		}
	}
	return nil
}
