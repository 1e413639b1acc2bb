package nn

import "fmt"

// ActKwargs is open_clip's act_kwargs: how GELU is computed.
type ActKwargs struct {
	Approximate string `json:"approximate"` // none or tanh
}

// Activation is GELU, exact where k is nil.
func (k *ActKwargs) Activation() Activation {
	if k != nil && k.Approximate == "tanh" {
		return GELUTanh
	}
	return GELU
}

// Validate checks the fields; nil is valid.
func (k *ActKwargs) Validate() error {
	if k != nil && k.Approximate != "none" && k.Approximate != "tanh" {
		return fmt.Errorf("act_kwargs.approximate: %q is neither none nor tanh", k.Approximate)
	}
	return nil
}

// NormKwargs is open_clip's norm_kwargs: what a LayerNorm adds to the variance.
type NormKwargs struct {
	Eps float64 `json:"eps"`
}

// Epsilon is Eps, or PyTorch's default where k is nil.
func (k *NormKwargs) Epsilon() float64 {
	if k == nil {
		return DefaultEps
	}
	return k.Eps
}

// Validate checks the fields; nil is valid.
func (k *NormKwargs) Validate() error {
	if k != nil && !(k.Eps > 0) {
		return fmt.Errorf("norm_kwargs.eps: %g is not positive", k.Eps)
	}
	return nil
}
