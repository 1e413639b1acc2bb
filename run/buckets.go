package run

import "errors"

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
