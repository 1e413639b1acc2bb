package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"clipgo/internal/durable"
	"clipgo/pretrained"
	"clipgo/training"
)

// batching says how many pairs a step has, and how many of them go through the model at once.
type batching struct {
	BatchSize  pairCount `json:"batch_size" flag:"batch-size" arg:"N" help:"pairs per batch; auto: the largest batch that fits in memory (default of the recipe)"`
	AccumFreq  int       `json:"accum_freq" min:"1" max:"65536" flag:"accum-freq" arg:"k" help:"batches per step; all their pairs are contrasted, in the memory of one batch (default 1)"`
	MicroBatch int       `json:"micro_batch,omitempty" min:"0"` // pairs at once, where it isn't a batch: what memory was found for

	world int // processes; 0: one
}

// pairCount is a number of pairs, or autoPairs.
type pairCount int

// mostInBatch bounds the pairs of a batch.
const mostInBatch = 1 << 20

// autoPairs is as many pairs as fit into memory.
const autoPairs pairCount = -2

// UnmarshalJSON takes a whole number or "auto".
func (n *pairCount) UnmarshalJSON(data []byte) error {
	if string(data) == `"auto"` {
		*n = autoPairs
		return nil
	}
	var v float64
	if err := json.Unmarshal(data, &v); err != nil || v != float64(int(v)) || v == float64(autoPairs) {
		return errors.New("want a whole number or auto")
	}
	*n = pairCount(v)
	return nil
}

// MarshalJSON writes what UnmarshalJSON takes.
func (n pairCount) MarshalJSON() ([]byte, error) {
	if n == autoPairs {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(int(n))
}

// effective is the pairs of a step of this process.
func (b batching) effective() int { return int(b.BatchSize) * b.AccumFreq }

// global is the pairs of a step of all processes, which the loss contrasts with each other.
func (b batching) global() int { return b.effective() * max(1, b.world) }

// atOnce is how many of them go through the model at once.
func (b batching) atOnce() int {
	if b.MicroBatch > 0 {
		return min(b.MicroBatch, b.effective())
	}
	return int(b.BatchSize)
}

// roundsNote tells it where it isn't all of them.
func (b batching) roundsNote() string {
	if b.atOnce() >= b.effective() {
		return ""
	}
	return fmt.Sprintf(", %d at a time", b.atOnce())
}

func (b batching) accumNote() string {
	if b.AccumFreq == 1 {
		return ""
	}
	return " or accum_freq"
}

// queue is how many batches wait for the trainer; 0: the loader's own number. Several in a step are long enough to read one.
func (b batching) queue() int {
	if b.AccumFreq == 1 {
		return 0
	}
	return 1
}

// validateBatch returns every problem, joined.
func (o *Options) validateBatch() error {
	var errs []error
	if o.BatchSize < 1 && o.BatchSize != autoPairs {
		errs = append(errs, errors.New("batch_size must be at least 1, or auto"))
	}
	if o.BatchSize > mostInBatch {
		errs = append(errs, fmt.Errorf("batch_size: %d is more than %d", o.BatchSize, mostInBatch))
	}
	if o.contrasted() == 1 && o.Objective != siglipObjective {
		errs = append(errs, errors.New("batch_size: InfoNCE contrasts the pairs of a step with each other, and a step of one pair has a "+
			"loss of 0; at least 2 pairs, or objective siglip"))
	}
	if o.Align.on() && (o.AccumFreq > 1 || o.MicroBatch > 0 || o.BatchSize == autoPairs) {
		errs = append(errs, errors.New("accum_freq, micro_batch and batch_size auto: not available in align"))
	}
	return errors.Join(errs...)
}

// starved tells that a step found no memory, and keeps for a resumed run how many pairs go through the model at once now.
func (s *session) starved(e training.Event) {
	s.console.Log.Warn("out of memory: retried the step with smaller micro-batches, which later steps use too", "step", e.Step, "pairs",
		s.effective(), "at_once", e.MicroBatch)
	s.MicroBatch = e.MicroBatch
	if err := durable.WriteJSON(filepath.Join(s.Out, pretrained.RunFile), s.Options); err != nil {
		s.console.Log.Warn("a resumed run will find the size of its micro-batches again", "error", err)
	}
}

// bucketOptions say whether batches are made of captions of similar length.
type bucketOptions struct {
	Bucketing bool `json:"length_bucketing" flag:"length-bucketing" help:"put captions of similar length into one batch, for less padding"`
	Pool      int  `json:"bucket_pool" min:"1" max:"100000000" flag:"bucket-pool" arg:"N" help:"samples that --length-bucketing sorts at a time, before they are decoded (default 2048)"`
}

// pool is how many samples the loader sorts at a time; 0: none.
func (b bucketOptions) pool() int {
	if !b.Bucketing {
		return 0
	}
	return b.Pool
}

// validateBuckets refuses what would save nothing.
func (o *Options) validateBuckets() error {
	switch {
	case !o.Bucketing:
		return nil
	case o.Align.rewards():
		return errors.New("length_bucketing: this training writes its captions itself")
	case !o.ModelCfg.Text.Trimmable():
		return errors.New("length_bucketing: this model's text tower reads every caption to the end of its context, so that nothing " +
			"would be saved")
	}
	return nil
}
