package training

import (
	"errors"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/training/record"
)

// A step that nobody waits for is left out all the same where its numbers are not finite, and is counted.
func TestStepsAheadThatAreNotFiniteAreLeftOut(t *testing.T) {
	for name, spoil := range map[string]func(*torch.Tensor) *torch.Tensor{
		"infinite loss": infiniteLoss, "loss not a number": nanLoss, "infinite gradient": infiniteGradient,
	} {
		t.Run(name, func(t *testing.T) {
			tr, o := newToy(t, 100)
			tr.ReadEvery = 3
			o.spoil[2] = spoil
			for step := 1; step <= 3; step++ {
				before := o.values(t)
				st, err := tr.Step(t.Context(), batch(tr.Progress.Position))
				if err != nil {
					t.Fatal(err)
				}
				if moved := !slices.Equal(o.values(t), before); moved != (step != 2) {
					t.Errorf("step %d moved the weights: %v", step, moved)
				}
				if st.Pending != (step < 3) || !st.Pending && (st.Skipped || !record.Finite(st.Loss) || !record.Finite(st.GradNorm)) {
					t.Errorf("step %d: %+v", step, st)
				}
			}
			if tr.Progress != (Progress{Step: 3, Samples: 12, Position: 12, BadSteps: 1}) {
				t.Errorf("progress %+v", tr.Progress)
			}
		})
	}
}

func TestTenBadStepsAheadEndATraining(t *testing.T) {
	tr, o := newToy(t, 100)
	tr.ReadEvery = 4
	for step := 3; step <= 20; step++ {
		o.spoil[step] = nanLoss
	}
	var diverged *DivergedError
	if err := tr.Run(t.Context(), forever(t.Context())); !errors.As(err, &diverged) || *diverged != (DivergedError{Steps: 10, At: 12}) {
		t.Errorf("ended with %v, want the tenth bad step in a row at the third reading", err)
	}
}

// A checkpoint between two readings knows the steps that failed.
func TestSettleCountsWhatWasNotRead(t *testing.T) {
	tr, o := newToy(t, 100)
	tr.ReadEvery = 50
	o.spoil[2], o.spoil[4] = nanLoss, infiniteLoss
	for range 5 {
		if _, err := tr.Step(t.Context(), batch(tr.Progress.Position)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Sync(t.Context()); err != nil || tr.Progress.BadSteps != 2 {
		t.Errorf("%d bad steps, want 2; %v", tr.Progress.BadSteps, err)
	}
	if n := torch.Waits(func() { _ = tr.Sync(t.Context()) }); n != 0 {
		t.Errorf("%d waits for what is settled", n)
	}
}
