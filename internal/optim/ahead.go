package optim

import (
	"encoding/binary"
	"math"

	"clipgo/internal/torch"
)

// ahead holds StepAhead's counters, on the parameters' device, so that the host starts the next step without reading them.
type ahead struct {
	begun  bool
	made   *torch.Tensor // float32 [], steps made
	failed *torch.Tensor // float32 [2], skipped steps: the latest ones in a row, and the total
}

func (o *AdamW) newAhead() ahead {
	device := torch.CPU
	if len(o.leaves) > 0 {
		device = o.leaves[0].Device()
	}
	return ahead{made: torch.Zeros(o.scope, torch.Float32, device), failed: torch.Zeros(o.scope, torch.Float32, device, 2)}
}

// OnDevice reports whether the parameters are on a device other than the CPU.
func (o *AdamW) OnDevice() bool { return len(o.leaves) > 0 && o.leaves[0].Device() != torch.CPU }

// StepAhead is GradNorm and Step without synchronizing with the device, where the norm, the clipping and the decision to skip stay. The
// step is skipped unless the norm and the losses (scalars) are finite. It returns the norm before clipping, float64 [] in
// scope s. An optimizer uses either Step or StepAhead, not both. StepAhead is AdamW's
// whatever the Config says.
func (o *AdamW) StepAhead(s *torch.Scope, lr float64, losses []*torch.Tensor) (norm *torch.Tensor) {
	if !o.ahead.begun {
		o.ahead.begun = true
		o.ahead.made.OverwriteInPlace(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(o.steps))))
	}
	return torch.AdamWAheadInPlace(s, o.leaves, o.moments, o.decay, torch.AdamW{
		LR: lr, Beta1: o.config.Beta1, Beta2: o.config.Beta2, Eps: o.config.Eps,
	}, torch.Ahead{Limit: o.config.GradClipNorm, Losses: losses, Made: o.ahead.made, Failed: o.ahead.failed})
}

// Failed returns how many steps StepAhead has skipped since New: the latest ones in a row, and the total. It synchronizes with the
// device and runs inside torch.Do.
func (o *AdamW) Failed() (inARow, all int) {
	n := o.ahead.failed.Float32s()
	return int(n[0]), int(n[1])
}

// count returns the number of steps made. It runs inside torch.Do.
func (o *AdamW) count() int64 {
	if !o.ahead.begun {
		return o.steps
	}
	return int64(o.ahead.made.Float32s()[0])
}
