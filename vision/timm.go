package vision

import (
	"errors"
	"fmt"

	"clipgo/internal/nn"
)

// size is a width with what goes with it.
type size struct {
	width, layers, headWidth int
	mlpRatio                 float64
}

var (
	base     = size{768, 12, 64, 4}
	large    = size{1024, 24, 64, 4}
	so400m   = size{1152, 27, 72, 3.7362}
	giantopt = size{1536, 40, 96, 4}
)

// timmTower is a vision transformer with attention pooling that timm has a name for.
type timmTower struct {
	name string
	size
	patch, image int
	activation   nn.Activation
}

// timmTowers are SigLIP's in timm 1.0.31. Whether GELU is exact differs from one to the next, and is part of the name.
var timmTowers = []timmTower{
	{"vit_base_patch32_siglip_256", base, 32, 256, nn.GELUTanh},
	{"vit_base_patch16_siglip_224", base, 16, 224, nn.GELU},
	{"vit_base_patch16_siglip_256", base, 16, 256, nn.GELU},
	{"vit_base_patch16_siglip_384", base, 16, 384, nn.GELU},
	{"vit_base_patch16_siglip_512", base, 16, 512, nn.GELU},
	{"vit_large_patch16_siglip_256", large, 16, 256, nn.GELU},
	{"vit_large_patch16_siglip_384", large, 16, 384, nn.GELU},
	{"vit_large_patch16_siglip_512", large, 16, 512, nn.GELUTanh},
	{"vit_so400m_patch14_siglip_224", so400m, 14, 224, nn.GELU},
	{"vit_so400m_patch14_siglip_378", so400m, 14, 378, nn.GELU},
	{"vit_so400m_patch14_siglip_384", so400m, 14, 384, nn.GELU}, // sees 27 patches, 378 pixels
	{"vit_so400m_patch16_siglip_256", so400m, 16, 256, nn.GELUTanh},
	{"vit_so400m_patch16_siglip_384", so400m, 16, 384, nn.GELUTanh},
	{"vit_so400m_patch16_siglip_512", so400m, 16, 512, nn.GELUTanh},
	{"vit_giantopt_patch16_siglip_256", giantopt, 16, 256, nn.GELUTanh},
	{"vit_giantopt_patch16_siglip_384", giantopt, 16, 384, nn.GELUTanh},
}

// Timm is the tower that timm calls by a name; ok is false where clipgo knows no such tower. Then the config has the
// name alone, and its sizes are to be given in open_clip's words: image_size, patch_size, layers, width, head_width,
// mlp_ratio, act_kwargs.
func Timm(name string) (c Config, ok bool) {
	c = Config{TimmModelName: name, MLPRatio: 4}
	t, ok := timmNamed(name)
	if ok {
		c.ImageSize, c.PatchSize = t.image, t.patch
		c.Width, c.Layers, c.HeadWidth, c.MLPRatio = t.width, t.layers, t.headWidth, t.mlpRatio
	}
	return c, ok
}

func timmNamed(name string) (timmTower, bool) {
	for _, t := range timmTowers {
		if t.name == name {
			return t, true
		}
	}
	return timmTower{}, false
}

// Activation is GELU as the config says, else as timm's name means it, else exact.
func (c Config) Activation() nn.Activation {
	if t, ok := timmNamed(c.TimmModelName); ok && c.ActKwargs == nil {
		return t.activation
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
	if t, ok := timmNamed(c.TimmModelName); ok {
		if got := (size{c.Width, c.Layers, c.HeadWidth, c.MLPRatio}); got != t.size || c.PatchSize != t.patch {
			errs = append(errs, fmt.Errorf("vision_cfg: timm's %s has width %d, layers %d, head_width %d, mlp_ratio %g, patch_size %d",
				t.name, t.width, t.layers, t.headWidth, t.mlpRatio, t.patch))
		}
	}
	return errors.Join(errs...)
}
