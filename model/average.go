package model

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"

	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// Average is the exponential moving average of a model's trained parameters, a model of its own. Of what is
// locked it holds no copy.
type Average struct {
	*Model
	of      *Model
	decay   float64
	updates int64
}

// NewAverage begins an average with a model as it is. Its owner calls Free.
func NewAverage(ctx context.Context, of *Model, decay float64) (*Average, error) {
	return newAverage(ctx, of, of, decay)
}

// NewStart is an average that begins with the values of another model of the same config: those that training of the
// model began with. Its owner calls Free.
func NewStart(ctx context.Context, of, start *Model) (*Average, error) {
	return newAverage(ctx, of, start, 0)
}

func newAverage(ctx context.Context, of, start *Model, decay float64) (*Average, error) {
	a := &Average{Model: Declare(of.Config), of: of, decay: decay}
	a.Preprocess, a.device, a.dtype = of.Preprocess, of.device, of.dtype
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

// Update takes the model's current parameters into the average. It runs inside torch.Do.
func (a *Average) Update() {
	a.Approach(averageShare(a.decay, a.updates+1))
}

// Approach moves the average a share of the way to the model, from 0 to 1: once from where it began to the trained model,
// this interpolates the two (WiSE-FT). It runs inside torch.Do.
func (a *Average) Approach(share float64) {
	a.updates++
	for i, p := range a.of.Params() {
		if p.Trained() {
			a.Params()[i].Tensor().LerpInPlace(p.Tensor(), share)
		}
	}
}

// Attract moves the model a share of the way to the average, from 0 to 1. It runs inside torch.Do.
func (a *Average) Attract(share float64) {
	for i, p := range a.of.Params() {
		if p.Trained() {
			p.Tensor().LerpInPlace(a.Params()[i].Tensor(), share)
		}
	}
}

// averageShare is how much of the new values the n-th update takes, n from 1: 1 - decay, but more while n is small, so
// that a short run isn't averaged with where it began (timm's ModelEmaV3 with use_warmup).
func averageShare(decay float64, n int64) float64 {
	return max(1-decay, math.Pow(float64(n), -2.0/3))
}

const updatesKey = "updates"

// WriteRaw writes the values that the average follows, as safetensors: those of the trained parameters, with which the
// training goes on.
func (a *Average) WriteRaw(w io.Writer) error {
	return nn.Write(w, a.of.Trained(), map[string]string{updatesKey: strconv.FormatInt(a.updates, 10)})
}

// Resume puts back what WriteRaw wrote, into the followed model. A file that does not fit is a *WeightsError.
func (a *Average) Resume(ctx context.Context, path string) (err error) {
	a.updates, err = a.of.ReadRaw(ctx, path)
	return err
}

// ReadRaw gives the trained parameters the values of a file that an Average's WriteRaw wrote, and returns how many
// updates that average has seen. A file that does not fit is a *WeightsError.
func (m *Model) ReadRaw(ctx context.Context, path string) (updates int64, err error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return 0, &WeightsError{Path: path, Reason: err.Error()}
	}
	defer file.Close()
	for _, p := range m.Trained() {
		if t, ok := file.Tensor(p.Name); !ok || t.DType != safetensors.F32 || !sameShape(p.Shape, t.Shape) {
			return 0, &WeightsError{Path: path, Reason: "holds no values for " + p.Name}
		}
	}
	if updates, err = strconv.ParseInt(file.Metadata()[updatesKey], 10, 64); err != nil {
		return 0, &WeightsError{Path: path, Reason: "number of updates: " + err.Error()}
	}
	return updates, torch.Do(ctx, func(*torch.Scope) error {
		for _, p := range m.Trained() {
			t, _ := file.Tensor(p.Name)
			p.Tensor().OverwriteInPlace(t.Data)
		}
		return nil
	})
}
