package nn

import "fmt"

// ActKwargs is open_clip's act_kwargs, the arguments of GELU.
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

// NormKwargs is open_clip's norm_kwargs: LayerNorm's eps.
type NormKwargs struct {
	Eps float64 `json:"eps"`
}

// Epsilon is Eps, or PyTorch's default if k is nil.
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
