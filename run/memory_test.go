package run

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
)

// TestABatchThatDoesNotFitIsRefused has steps of 10 bytes a pair: the remedy has the same pairs in a step, and fits.
func TestABatchThatDoesNotFitIsRefused(t *testing.T) {
	need := func(n int) int64 { return int64(10 * n) }
	for _, c := range []struct {
		batch, accum int
		free         int64
		want         string // in the message; empty: it fits
	}{
		{512, 1, 5120, ""},
		{512, 1, 5000, "512 pairs take about 0.0 MB, and 0.0 MB are free: batch_size auto, or batch_size 256 with accum_freq 2"},
		{512, 1, 3000, "batch_size 128 with accum_freq 4"}, // 256 take more than four fifths
		{512, 3, 5000, "batch_size 256 with accum_freq 6"},
		{7, 1, 60, "batch_size auto"}, // an odd number can't be halved
	} {
		o := Default()
		o.BatchSize, o.AccumFreq = pairCount(c.batch), c.accum
		err := (&session{Options: &o}).fits(need, c.free)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), c.want) ||
			c.batch == 7 && strings.Contains(err.Error(), ", or") {
			t.Errorf("%d pairs: %v", c.batch, err)
		}
	}
}

// TestTheRoughBoundIsNotBelowWhatATrialMeasures compares the bound that saves the trial steps with trial steps.
func TestTheRoughBoundIsNotBelowWhatATrialMeasures(t *testing.T) {
	for _, settings := range [][]string{{"model=ViT-Nano-16-64"}, {"mlm_weight=1"}} {
		s, _ := opened(t.Context(), t, append(settings, "batch_size=32")...)
		at, err := s.Placement()
		if err != nil {
			t.Fatal(err)
		}
		need, err := s.cost(t.Context(), at, 128)
		if err != nil {
			t.Fatal(err)
		}
		for _, s.BatchSize = range []pairCount{32, 4096} { // many, so that the share of the pairs counts
			if measured, bound := need(int(s.BatchSize)), s.upperBound(); measured > bound {
				t.Errorf("%v: a step of %d takes %s, the bound is %s", settings, s.BatchSize, size(measured), size(bound))
			}
		}
	}
}

// batch_size auto takes what fits, but not all of a small set: an epoch has about twenty steps.
func TestTheBatchLeavesStepsInAnEpoch(t *testing.T) {
	s, _ := opened(t.Context(), t, "train_data=builtin:shapes?n=2600", "batch_size=auto")
	if s.BatchSize != 128 {
		t.Errorf("2600 pairs: a batch of %d, want 128", s.BatchSize)
	}
}

// A process that has a part of the optimizer's state takes less, by the bound and in a trial step.
func TestAPartOfTheOptimizersStateTakesLess(t *testing.T) {
	s, _ := opened(t.Context(), t, "shard_optimizer=true")
	values := func() (bound int64, state int) {
		at, err := s.Placement()
		if err != nil {
			t.Fatal(err)
		}
		trial, err := s.trial(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = trial.close() }()
		if st, err := trial.step(t.Context(), 4); err != nil || st.Skipped {
			t.Error(st, err)
		}
		return s.upperBound(), trial.trainer.Optimizer.StateLen()
	}
	bound, state := values()
	s.world = 2
	if less, part := values(); less >= bound || part >= state { // the table of tokens is most of a small model
		t.Errorf("a bound of %d bytes and a state of %d values; alone %d and %d", less, part, bound, state)
	}
}
