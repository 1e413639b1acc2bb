package torch_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func TestLanesRunAtTheSameTime(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		threads := torch.ThreadsHere()
		defer func() {
			torch.Zeros(s, torch.Float32, torch.CPU, 1<<20).Exp() // a loop that the caller's threads share
			if got := torch.ThreadsHere(); got != threads {
				t.Errorf("the caller has %d threads, had %d", got, threads)
			}
		}()
		var inside atomic.Int32
		s.Lanes(3).Each(func(i int, s *torch.Scope) {
			inside.Add(1)
			for begun := time.Now(); inside.Load() < 3; time.Sleep(time.Millisecond) {
				if time.Since(begun) > time.Minute {
					t.Error("the others did not come")
					return
				}
			}
			if s.Lane() != i || torch.ThreadsHere() != 1 {
				t.Errorf("lane %d says %d, and computes with %d threads", i, s.Lane(), torch.ThreadsHere())
			}
		})
	})
}

// Asked often: an answer that is wrong by chance is right at times. No Fatal, which would end libtorch's thread.
func TestLanesRecordWhatTheirScopeRecords(t *testing.T) {
	check := func(want bool) func(s *torch.Scope) {
		return func(s *torch.Scope) {
			for range 200 {
				lanes := s.Lanes(2)
				x := torch.From(s, []float32{1}, 1).Trainable()
				var recorded [2]bool
				lanes.Each(func(i int, s *torch.Scope) { recorded[i] = x.In(s).Scale(2).Recorded() })
				if lanes.Record() != want || recorded != [2]bool{want, want} || x.Scale(2).Recorded() != want {
					t.Errorf("recorded %v, and says %v, want %v", recorded, lanes.Record(), want)
					return
				}
			}
		}
	}
	torchtest.Run(t, check(false))
	torchtest.RunGrad(t, check(true))
	torchtest.Run(t, check(false))
}

// Graphs made in lanes are left there, and gone through in a second round from a gradient made between.
func TestGraphsOutliveARoundOfLanes(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		w := torch.From(s, []float64{2, 3}, 2).Trainable()
		lanes := s.Lanes(2)
		replica := w.GradReplica(lanes.Others()[0])
		leaves, squares := []*torch.Tensor{w, replica}, make([]*torch.Tensor, 2)
		lanes.Each(func(i int, s *torch.Scope) { squares[i] = leaves[i].In(s).Mul(leaves[i]) })
		slope := torch.From(s, []float64{10, 100}, 2)
		lanes.Each(func(i int, s *torch.Scope) { squares[i].BackwardFrom(slope.In(s).Scale(float64(i + 1))) })
		torch.AddGradients([]*torch.Tensor{w}, []*torch.Tensor{replica})
		compare(t, "sum of both", w.Gradient(s), array{[]int{2}, []float64{3 * 2 * 2 * 10, 3 * 2 * 3 * 100}}, 0)
		if replica.Gradient(s) != nil {
			t.Error("the replica kept its gradient")
		}
	})
}

func TestALaneFailsAsItsCallerWould(t *testing.T) {
	torchtest.Need(t)
	before := torch.Live()
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		s.Lanes(2).Each(func(i int, s *torch.Scope) {
			torch.From(s, make([]float32, 6), 2, 3).Matmul(torch.From(s, make([]float32, 4+2*i), 2+i, 2))
		})
		return nil
	})
	var refused *torch.Error
	if !errors.As(err, &refused) || refused.Op != "Matmul" {
		t.Errorf("got %v", err)
	}
	if torch.Live() != before {
		t.Errorf("%d handles stayed behind", torch.Live()-before)
	}
	defer func() {
		if r, ok := recover().(string); !ok || !strings.Contains(r, "unrelated scopes") {
			t.Errorf("tensors of two lanes in one operation: %v", r)
		}
	}()
	_ = torch.Do(t.Context(), func(s *torch.Scope) error {
		made := make([]*torch.Tensor, 2)
		lanes := s.Lanes(2)
		lanes.Each(func(i int, s *torch.Scope) { made[i] = torch.From(s, []float32{1}, 1) })
		made[0].Add(made[1])
		return nil
	})
}

// Lanes make leaves at the same time, each with the result slot of its own thread: with a shared one a lane would free the
// other's handle.
func TestLanesMakeLeavesAtTheSameTime(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		s.Lanes(2).Each(func(i int, s *torch.Scope) {
			for range 2000 {
				x := torch.From(s, []float32{float32(i)}, 1).Trainable()
				if got := x.Scale(2); !got.Recorded() {
					t.Error("a leaf is not recorded")
				}
				if x.Freeze(); x.Item() != float64(i) || x.Recorded() {
					t.Errorf("lane %d: the leaf is %g", i, x.Item())
				}
			}
		})
	})
}
