package probe

import (
	"context"

	"clipgo/internal/torch"
)

// Head is a linear classifier: logits = x Weight^T + Bias.
type Head struct {
	Weight       []float32 // [Classes, Dim], row-major
	Bias         []float32 // [Classes]
	Classes, Dim int
}

// chunk is the number of rows that are computed at a time.
const chunk = 8192

// Logits of n samples, [n, Classes], row-major.
func (h *Head) Logits(ctx context.Context, features []float32) ([]float32, error) {
	n := len(features) / h.Dim
	out := make([]float32, 0, n*h.Classes)
	err := torch.Do(ctx, func(s *torch.Scope) error {
		w, b := torch.From(s, h.Weight, h.Classes, h.Dim), torch.From(s, h.Bias, h.Classes)
		for from := 0; from < n; from += chunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			to := min(from+chunk, n)
			s.Within(func(inner *torch.Scope) {
				x := torch.From(inner, features[from*h.Dim:to*h.Dim], to-from, h.Dim)
				out = append(out, x.Linear(w, b).Float32s()...)
			})
		}
		return nil
	})
	return out, err
}

// Accuracy is the share of samples whose label has the largest logit; the first of equals counts.
func (h *Head) Accuracy(ctx context.Context, s Set) (float64, error) {
	logits, err := h.Logits(ctx, s.Features)
	if err != nil {
		return 0, err
	}
	return accuracy(logits, s.Labels, h.Classes), nil
}

func accuracy(logits []float32, labels []int, classes int) float64 {
	hits := 0
	for i, label := range labels {
		best := 0
		row := logits[i*classes : (i+1)*classes]
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		if best == label {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}
