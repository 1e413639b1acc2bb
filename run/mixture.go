package run

import (
	"cmp"
	"errors"
	"fmt"

	"clipgo/datasets"
	"clipgo/datasets/mixture"
	"clipgo/internal/fault"
)

// mixing says how the sources of the training data are weighted, and how many samples an epoch has.
type mixing struct {
	Factors    string `json:"train_data_upsampling_factors,omitempty" flag:"train-data-upsampling-factors" arg:"F::F" help:"weights of the sources of --train-data A::B: one is drawn by its factor times its samples"`
	NumSamples int    `json:"train_num_samples,omitempty" min:"0" max:"1000000000000" flag:"train-num-samples" arg:"N" help:"samples of an epoch, the unit of --epochs and of frequencies (default: all of --train-data)"`
}

// factors are the weights of the training data's parts; nil: there are none.
func (o *Options) factors() ([]float64, error) {
	return mixture.ParseFactors(o.Factors, len(datasets.Parts(o.TrainData)))
}

// validateMixing returns every problem, joined.
func (o *Options) validateMixing() error {
	_, err := o.factors()
	if err != nil {
		err = fmt.Errorf("train_data_upsampling_factors: %w", err)
	}
	if o.Factors != "" && o.Align.on() {
		err = errors.Join(err, errors.New("train_data_upsampling_factors: not available in align"))
	}
	return err
}

// epoch is the number of samples in an epoch of the run.
func (s *session) epoch() int { return cmp.Or(s.NumSamples, s.train.Len()) }

// checkEpoch refuses an epoch of less than a step.
func (s *session) checkEpoch() error {
	if s.global() > s.train.Len() {
		return &datasets.DataError{Source: s.train.Info().Name,
			Reason: fmt.Sprintf("%d samples are fewer than one batch of %d; lower batch_size%s", s.train.Len(), s.global(),
				s.accumNote())}
	}
	if s.global() > s.epoch() {
		return fault.Setting("train_num_samples", "%d samples of an epoch are fewer than one batch of %d", s.NumSamples, s.global())
	}
	return nil
}

// fingerprint is that of the training data and of the order that it is read in.
func (s *session) fingerprint() string {
	data := s.train.Info().Fingerprint
	if s.Factors != "" {
		data += " factors=" + s.Factors
	}
	return data
}
