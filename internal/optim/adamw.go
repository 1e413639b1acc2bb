// Package optim holds AdamW, Muon, gradient clipping and learning rate schedules.
package optim

import (
	"fmt"
	"path"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Optimizers, by open_clip's flag --opt.
const (
	OptAdamW = "adamw"
	OptMuon  = "muon"
)

// Config holds the optimizer's settings, with open_clip's names.
type Config struct {
	Opt          string   `json:"opt,omitempty" flag:"opt" arg:"name" help:"adamw, or muon: the matrices of transformer blocks by orthogonal updates, the rest by AdamW (default of the recipe)"`
	LR           float64  `json:"lr" flag:"lr" arg:"rate" help:"highest learning rate (default of the recipe)"`
	Beta1        float64  `json:"beta1" flag:"beta1" arg:"x" help:"AdamW beta1: decay of the first moment (default 0.9)"`
	Beta2        float64  `json:"beta2" flag:"beta2" arg:"x" help:"AdamW beta2: decay of the second moment (default 0.98)"`
	Eps          float64  `json:"eps" flag:"eps" arg:"x" help:"AdamW's epsilon (default 1e-6)"`
	WD           float64  `json:"wd" flag:"wd" arg:"x" help:"weight decay (default of the recipe)"`
	WDExclude    []string `json:"wd_exclude,omitempty" flag:"wd-exclude" arg:"a,b" help:"glob patterns of parameters that don't decay, in addition to norms and biases"`
	GradClipNorm float64  `json:"grad_clip_norm" flag:"grad-clip-norm" arg:"x" help:"clip the gradient to this norm; 0: don't (default of the recipe)"`
}

// Default returns open_clip's settings for vision transformers.
func Default() Config {
	return Config{LR: 5e-4, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WD: 0.2}
}

// Validate checks the fields.
func (c Config) Validate() error {
	switch {
	case c.Opt != "" && c.Opt != OptAdamW && c.Opt != OptMuon:
		return fmt.Errorf("opt: %q is neither %s nor %s", c.Opt, OptAdamW, OptMuon)
	case !(c.LR >= 0):
		return fmt.Errorf("lr: %g is negative", c.LR)
	case !(c.Beta1 >= 0 && c.Beta1 < 1):
		return fmt.Errorf("beta1: %g is not in [0, 1)", c.Beta1)
	case !(c.Beta2 >= 0 && c.Beta2 < 1):
		return fmt.Errorf("beta2: %g is not in [0, 1)", c.Beta2)
	case !(c.Eps > 0):
		return fmt.Errorf("eps: %g is not positive", c.Eps)
	case !(c.WD >= 0):
		return fmt.Errorf("wd: %g is negative", c.WD)
	case !(c.GradClipNorm >= 0):
		return fmt.Errorf("grad_clip_norm: %g is negative", c.GradClipNorm)
	}
	for _, pattern := range c.WDExclude {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("wd_exclude: %q: %w", pattern, err)
		}
	}
	return nil
}

// Title is the optimizer's name for people.
func (c Config) Title() string {
	if c.Opt == OptMuon {
		return "Muon and AdamW"
	}
	return "AdamW"
}

// AdamW is the optimizer's state over a list of parameters. With OptMuon it steps the matrices of transformer blocks by Muon.
type AdamW struct {
	config  Config
	params  []*nn.Param
	leaves  []*torch.Tensor
	moments torch.Moments
	decay   []float64
	steps   int64 // made by Step
	ahead   ahead // StepAhead's counters on the device
	shard   Shard
	owner   []int // of each parameter, the process that has its moments; nil where all are here
	scope   *torch.Scope
}

// New allocates the state, all zero. It runs inside torch.Do; the caller must call Free.
func New(params []*nn.Param, c Config) *AdamW { return NewSharded(params, c, Shard{}) }

// allocate appends the moments of a parameter.
func (o *AdamW) allocate(p *nn.Param) {
	t := p.Tensor()
	o.moments.Mean = append(o.moments.Mean, torch.Zeros(o.scope, t.DType(), t.Device(), p.Shape...))
	o.moments.Variance = append(o.moments.Variance, torch.Zeros(o.scope, t.DType(), t.Device(), p.Shape...))
	o.moments.Touched = append(o.moments.Touched, o.untouched(p))
}

// lacks appends the place of moments that another process has.
func (o *AdamW) lacks() {
	o.moments.Mean, o.moments.Variance = append(o.moments.Mean, nil), append(o.moments.Variance, nil)
	o.moments.Touched = append(o.moments.Touched, nil)
}

// untouched marks every row of a table as untouched, as before the first step; nil if p is no table.
func (o *AdamW) untouched(p *nn.Param) *torch.Tensor {
	if !p.Table {
		return nil
	}
	return torch.Zeros(o.scope, torch.Uint8, torch.CPU, p.Shape[0])
}

// Free frees the state's memory.
func (o *AdamW) Free() { o.scope.Free() }

// decayOf returns a parameter's weight decay by open_clip 3.3.0's rule: none for vectors and scalars, nor if the name contains bn, ln,
// bias or logit_scale.
func (c Config) decayOf(p *nn.Param) float64 {
	if len(p.Shape) < 2 {
		return 0
	}
	for _, part := range []string{"bn", "ln", "bias", "logit_scale"} {
		if strings.Contains(p.Name, part) {
			return 0
		}
	}
	for _, pattern := range c.WDExclude {
		if ok, _ := path.Match(pattern, p.Name); ok {
			return 0
		}
	}
	return c.WD
}

// GradNorm is the L2 norm over all gradients, before clipping.
func (o *AdamW) GradNorm() float64 { return torch.GradientNorm(o.leaves) }

// Step makes a step with learning rate lr. norm is the gradient norm (GradNorm), by which the gradients are clipped to the
// configured limit. With a Shard it also exchanges the updated parameters, and only that can fail.
func (o *AdamW) Step(lr, norm float64) error {
	o.steps++
	o.moments.Copies = o.moments.Copies[:0]
	for i, p := range o.params {
		c := p.Copy()
		if o.orthogonal(i) { // the next pass copies it
			c = nil
		}
		o.moments.Copies = append(o.moments.Copies, c)
	}
	leaves, moments, decay := o.leaves, o.moments, o.decay
	if !o.shard.alone() || o.config.Opt == OptMuon {
		leaves, moments, decay = o.elementwise()
	}
	torch.AdamWInPlace(leaves, moments, decay, torch.AdamW{
		LR: lr, Beta1: o.config.Beta1, Beta2: o.config.Beta2, Eps: o.config.Eps,
		GradientScale: o.clip(norm), Step: o.steps,
	})
	for i, p := range o.params {
		if o.owned(i) && o.moments.Copies[i] != nil {
			p.CopyUpdated()
		}
	}
	if o.config.Opt == OptMuon {
		o.stepMatrices(lr, o.clip(norm))
	}
	if o.shard.alone() {
		return nil
	}
	return o.exchange()
}

// clip returns the factor of PyTorch's clip_grad_norm_: min(1, limit / (norm + 1e-6)).
func (o *AdamW) clip(norm float64) float64 {
	if o.config.GradClipNorm == 0 {
		return 1
	}
	return min(1, o.config.GradClipNorm/(norm+1e-6))
}

// DropGradients clears the gradients (PyTorch's zero_grad).
func (o *AdamW) DropGradients() { torch.DropGradients(o.leaves) }
