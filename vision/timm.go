package vision

import (
	"errors"
	"fmt"

	"clipgo/internal/nn"
	"clipgo/vision/timm"
)

// Timm returns the config of the tower with a name of timm's. If clipgo doesn't know the name, ok is false and c holds only the
// name; the caller must then set the sizes: image_size, patch_size, layers, width, head_width, mlp_ratio, act_kwargs.
func Timm(name string) (c Config, ok bool) {
	c = Config{TimmModelName: name, MLPRatio: 4}
	t, ok := timm.Named(name)
	if ok {
		c.ImageSize, c.PatchSize, c.Layers = t.ImageSize, t.PatchSize, t.Layers
		c.Width, c.HeadWidth, c.MLPRatio = t.Width, t.Width/t.Heads, t.MLPRatio
	}
	return c, ok
}

// Activation is GELU as act_kwargs has it, otherwise as timm's name implies, otherwise exact.
func (c Config) Activation() nn.Activation {
	if t, ok := timm.Named(c.TimmModelName); ok && c.ActKwargs == nil {
		return (&nn.ActKwargs{Approximate: t.GELU}).Activation()
	}
	return c.ActKwargs.Activation()
}

// timmEps is LayerNorm's eps in timm's vision transformers, 1e-6, unless norm_kwargs has another.
func (c Config) timmEps() float64 {
	if c.NormKwargs == nil {
		return 1e-6
	}
	return c.NormKwargs.Eps
}

// validateTimm checks the fields that only timm's towers have, and those that they must not have.
func (c Config) validateTimm() error {
	var errs []error
	if c.TimmPool != "map" {
		errs = append(errs, fmt.Errorf("vision_cfg.timm_pool: %q is not map", c.TimmPool))
	}
	if c.TimmProj != "none" {
		errs = append(errs, fmt.Errorf("vision_cfg.timm_proj: %q is not none", c.TimmProj))
	}
	if c.LSInitValue != nil {
		errs = append(errs, errors.New("vision_cfg.ls_init_value: a tower of timm's has no layer scale"))
	}
	if t, ok := timm.Named(c.TimmModelName); ok && c.HeadWidth > 0 {
		own := timm.Tower{PatchSize: c.PatchSize, Size: timm.Size{Width: c.Width, Layers: c.Layers, Heads: c.Width / c.HeadWidth,
			MLPRatio: c.MLPRatio}}
		if !own.SameShape(t) {
			errs = append(errs, fmt.Errorf("vision_cfg: timm's %s has width %d, layers %d, head_width %d, mlp_ratio %g, patch_size %d",
				t.Name, t.Width, t.Layers, t.Width/t.Heads, t.MLPRatio, t.PatchSize))
		}
	}
	return errors.Join(errs...)
}
