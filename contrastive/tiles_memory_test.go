package contrastive

import (
	"testing"

	"clipgo/internal/memory"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
)

// grown is how much more memory the process held at most while f ran.
func grown(tb testing.TB, f func()) int64 {
	tb.Helper()
	if err := memory.ResetPeak(); err != nil {
		tb.Skip("the peak can't be reset here: ", err)
	}
	before, err := memory.Resident()
	if err != nil {
		tb.Skip(err)
	}
	f()
	peak, err := memory.Peak()
	if err != nil {
		tb.Fatal(err)
	}
	return peak - before
}

// descent is what each loss's way back takes beyond the features.
func descent(tb testing.TB, loss Loss, pairs, dim int) (taken int64) {
	err := torch.DoGrad(tb.Context(), func(s *torch.Scope) error {
		in, o := contrasting(s, torch.Float32, pairs, dim, nil), &Objective{Loss: loss}
		taken = grown(tb, func() { o.BackwardLoss(in, 1) })
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return taken
}

func bothLosses() map[string]Loss {
	return map[string]Loss{"InfoNCE": InfoNCE{losses.Smoothing{Form: losses.Others}}, "sigmoid": Sigmoid{}}
}

// The matrix of 10,000 pairs is 400 MB, and autograd holds several. In strips the loss takes less than half of one.
func TestManyPairsTakeLessThanTheirMatrix(t *testing.T) {
	const pairs, dim = 10_000, 16
	torchtest.Need(t)
	for name, loss := range bothLosses() {
		descent(t, loss, wholeUpTo+1, dim) // what libtorch loads when it is first used is not the loss's
		if got := descent(t, loss, pairs, dim); got > 4*pairs*pairs/2 {
			t.Errorf("%s of %d pairs takes %d MB", name, pairs, got>>20)
		}
	}
}

// The features of 32,768 pairs, 134 MB, are not in what is reported; the matrix would be 4.3 GB.
func BenchmarkLossOf32768Pairs(b *testing.B) {
	for name, loss := range bothLosses() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(descent(b, loss, 1<<15, 512))/1e6, "MB")
			}
		})
	}
}
