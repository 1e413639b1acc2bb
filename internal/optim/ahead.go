package optim

import (
	"encoding/binary"
	"math"

	"clipgo/internal/torch"
)

// ahead is what StepAhead counts where the parameters are, so that the host needs no number of a step to make the next.
type ahead struct {
	begun  bool
	made   *torch.Tensor // float32 [], steps made
	failed *torch.Tensor // float32 [2], steps that were not: in a row up to now, and in all
}

func (o *AdamW) newAhead() ahead {
	device := torch.CPU
	if len(o.leaves) > 0 {
		device = o.leaves[0].Device()
	}
	return ahead{made: torch.Zeros(o.scope, torch.Float32, device), failed: torch.Zeros(o.scope, torch.Float32, device, 2)}
}

// StepAhead is GradNorm and Step without a wait for numbers: the norm, the clipping and whether the step is made stay where
// the parameters are. It is made where the norm and each of the losses, scalars, are finite. It returns the norm, float64 []
// in scope s. Step and StepAhead don't mix.
func (o *AdamW) StepAhead(s *torch.Scope, lr float64, losses []*torch.Tensor) (norm *torch.Tensor) {
	if !o.ahead.begun {
		o.ahead.begun = true
		o.ahead.made.OverwriteInPlace(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(o.steps))))
	}
	return torch.AdamWAheadInPlace(s, o.leaves, o.moments, o.decay, torch.AdamW{
		LR: lr, Beta1: o.config.Beta1, Beta2: o.config.Beta2, Eps: o.config.Eps,
	}, torch.Ahead{Limit: o.config.GradClipNorm, Losses: losses, Made: o.ahead.made, Failed: o.ahead.failed})
}

// Failed is how many steps StepAhead left out since New: in a row up to now, and in all. It waits for the steps so far, and
// runs inside torch.Do.
func (o *AdamW) Failed() (inARow, all int) {
	n := o.ahead.failed.Float32s()
	return int(n[0]), int(n[1])
}

// count is how many steps were made. It runs inside torch.Do.
func (o *AdamW) count() int64 {
	if !o.ahead.begun {
		return o.steps
	}
	return int64(o.ahead.made.Float32s()[0])
}
