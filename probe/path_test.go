package probe

import (
	"context"

	"clipgo/internal/torch"
)

// fitPath fits logistic regressions for several values of C as a sweep does: each starts where those before lead to, with float32
// gradients.
func fitPath(s Set, classes int, cs []float64) (out []*Fitted, err error) {
	err = path{tolerance: pathEnough, dtype: torch.Float32}.fit(context.Background(), s, classes, cs, func(f *Fitted) error {
		out = append(out, f)
		return nil
	})
	return out, err
}
