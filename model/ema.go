package model

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// EMA is the exponential moving average of a model's trained parameters: a model with the same config. Locked parameters share the
// memory of the model's.
type EMA struct {
	*Model
	of      *Model
	decay   float64
	updates int64
}

// NewEMA starts an average with the current parameters of a model. Its owner calls Free.
func NewEMA(ctx context.Context, of *Model, decay float64) (*EMA, error) {
	return newEMA(ctx, of, of, decay)
}

// NewSnapshot is an EMA of a model that starts with the parameters of another model of the same config, those that training began
// with, for Lerp and PullTowards. Its owner calls Free.
func NewSnapshot(ctx context.Context, of, start *Model) (*EMA, error) {
	return newEMA(ctx, of, start, 0)
}

func newEMA(ctx context.Context, of, start *Model, decay float64) (*EMA, error) {
	a := &EMA{Model: of.like(of.Config), of: of, decay: decay}
	err := torch.Do(ctx, func(*torch.Scope) error {
		a.params.FillFromParams(start.params, func(s *torch.Scope, _, from *nn.Param) *torch.Tensor {
			if !from.Trained() {
				return from.Tensor().In(s).Detach() // the same memory
			}
			return torch.FromBytes(s, from.Tensor().Bytes(), torch.Float32, of.device, from.Shape...)
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("copy parameters: %w", err)
	}
	return a, nil
}

// Update moves the average towards the current parameters of the model, by 1 - decay or more (emaWeight). It runs inside torch.Do.
func (a *EMA) Update() {
	a.Lerp(emaWeight(a.decay, a.updates+1))
}

// Lerp sets the average to (1 - weight) * average + weight * model, weight from 0 to 1. Once, from the start of a training to its
// end, it interpolates the two (WiSE-FT, Wortsman et al., 2022). It runs inside torch.Do.
func (a *EMA) Lerp(weight float64) {
	a.updates++
	for i, p := range a.of.Params() {
		if p.Trained() {
			a.Params()[i].Tensor().LerpInPlace(p.Tensor(), weight)
		}
	}
}

// PullTowards sets the model to (1 - weight) * model + weight * average, weight from 0 to 1: the decoupled form of L2-SP (Li et al.,
// 2018). It runs inside torch.Do.
func (a *EMA) PullTowards(weight float64) {
	for i, p := range a.of.Params() {
		if p.Trained() {
			p.Tensor().LerpInPlace(a.Params()[i].Tensor(), weight)
		}
	}
}

// emaWeight is the weight of the model in the n-th update, n from 1: 1 - decay, but at least n^(-2/3), so that a short run isn't
// averaged with its random start (timm's ModelEmaV3 with use_warmup).
func emaWeight(decay float64, n int64) float64 {
	return max(1-decay, math.Pow(float64(n), -2.0/3))
}

const updatesKey = "updates"

// WriteRaw writes the trained parameters of the model that the average follows, from which training continues, as safetensors.
func (a *EMA) WriteRaw(w io.Writer) error {
	return nn.Write(w, a.of.Trained(), map[string]string{updatesKey: strconv.FormatInt(a.updates, 10)})
}

// Resume restores what WriteRaw wrote, into the model that the average follows. A file that does not fit is a *WeightsError.
func (a *EMA) Resume(ctx context.Context, path string) (err error) {
	a.updates, err = a.of.ReadRaw(ctx, path)
	return err
}

// ReadRaw restores the trained parameters that an EMA's WriteRaw wrote, and returns the number of updates of that EMA. A file that
// does not fit is a *WeightsError.
func (m *Model) ReadRaw(ctx context.Context, path string) (updates int64, err error) {
	metadata, err := nn.Restore(ctx, m.Trained(), path)
	if err != nil {
		return 0, err
	}
	if updates, err = strconv.ParseInt(metadata[updatesKey], 10, 64); err != nil {
		return 0, &WeightsError{Path: path, Reason: "number of updates: " + err.Error()}
	}
	return updates, nil
}
