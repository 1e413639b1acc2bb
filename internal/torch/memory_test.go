package torch_test

import (
	"errors"
	"testing"

	"clipgo/internal/memory"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// Libtorch says in many words that there is no memory. 64 TB are more than any machine's address space gives.
func TestWantOfMemoryIsTold(t *testing.T) {
	torchtest.Need(t)
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		torch.Zeros(s, torch.Float32, torch.CPU, 1<<44)
		return nil
	})
	var refused *torch.Error
	if !errors.As(err, &refused) || !refused.OutOfMemory() {
		t.Errorf("got %v", err)
	}
	if other := (&torch.Error{Text: "mat1 and mat2 shapes cannot be multiplied"}); other.OutOfMemory() {
		t.Error("a mistake counts as out of memory")
	}
}

// A table's gradient over many passes: gathered it is the same, and as large as its rows, not as all lookups, 200 MB here.
func TestGatheredRowsAreTheSameGradient(t *testing.T) {
	const width, passes = 1 << 16, 200
	torchtest.RunGrad(t, func(s *torch.Scope) {
		table := torch.Zeros(s, torch.Float32, torch.CPU, 5, width).Trainable()
		step := func(s *torch.Scope) {
			table.In(s).Embedding(torch.From(s, []int64{3, 1, 3, 0}, 4)).Sum().Backward()
			torch.GatherRows([]*torch.Tensor{table})
		}
		s.Within(step)
		_ = memory.ResetPeak()
		before, _ := memory.Peak()
		for range passes - 1 {
			s.Within(step)
		}
		if after, err := memory.Peak(); err == nil && after-before > 50<<20 {
			t.Errorf("%d passes took %d MB", passes, (after-before)>>20)
		}
		got := table.Gradient(s)
		for row, times := range []float64{1, 1, 0, 2, 0} {
			if v := got.Select(0, row).Float64s(); v[0] != times*passes || v[width-1] != times*passes {
				t.Errorf("row %d has %g and %g, want %g", row, v[0], v[width-1], times*passes)
			}
		}
		torch.DropGradients([]*torch.Tensor{table})
	})
}

// Nothing of an inner scope outlives it but what was kept, and nothing is recorded in one that doesn't record.
func TestUnrecordedIsAConstant(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		w := torch.From(s, []float64{3}, 1).Trainable()
		live := torch.Live()
		var kept *torch.Tensor
		s.Unrecorded(func(inner *torch.Scope) { kept = s.Keep(w.In(inner).Mul(w).Scale(2)) })
		if kept.Recorded() || kept.Item() != 18 || torch.Live() != live+1 {
			t.Errorf("%v, recorded %v, %d handles more", kept.Item(), kept.Recorded(), torch.Live()-live)
		}
		if !w.Mul(w).Recorded() {
			t.Error("what comes behind is not recorded")
		}
	})
}
