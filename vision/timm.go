package vision

import (
	"errors"
	"fmt"

	"clipgo/internal/nn"
	"clipgo/vision/timm"
)

// Timm is the tower that timm calls by a name; ok is false where clipgo knows no such tower. Then the config has the
// name alone, and its sizes are to be given in open_clip's words: image_size, patch_size, layers, width, head_width,
// mlp_ratio, act_kwargs.
func Timm(name string) (c Config, ok bool) {
	c = Config{TimmModelName: name, MLPRatio: 4}
	t, ok := timm.Named(name)
	if ok {
		c.ImageSize, c.PatchSize, c.Layers = t.ImageSize, t.PatchSize, t.Layers
		c.Width, c.HeadWidth, c.MLPRatio = t.Width, t.Width/t.Heads, t.MLPRatio
	}
	return c, ok
}

// Activation is GELU as the config says, else as timm's name means it, else exact.
func (c Config) Activation() nn.Activation {
	if t, ok := timm.Named(c.TimmModelName); ok && c.ActKwargs == nil {
		return (&nn.ActKwargs{Approximate: t.GELU}).Activation()
	}
	return c.ActKwargs.Activation()
}

// timmEps is 1e-6 in every vision transformer of timm's.
func (c Config) timmEps() float64 {
	if c.NormKwargs == nil {
		return 1e-6
	}
	return c.NormKwargs.Eps
}

// validateTimm looks at what only towers of timm's have, and at what they have not.
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
