// Package vision is the image tower: open_clip's vision transformer.
package vision

import (
	"cmp"
	"errors"
	"fmt"

	"clipgo/internal/nn"
)

// Config describes an image tower with the fields of open_clip's vision_cfg.
type Config struct {
	ImageSize   int      `json:"image_size" flag:"force-image-size" arg:"pixels" help:"side of the pictures, other than the model's: positions are interpolated"`
	PatchSize   int      `json:"patch_size"`
	Layers      int      `json:"layers"`
	Width       int      `json:"width"`
	HeadWidth   int      `json:"head_width"`
	MLPRatio    float64  `json:"mlp_ratio"`
	LSInitValue *float64 `json:"ls_init_value,omitempty"` // LayerScale's initial value; nil: no LayerScale
	// PatchDropout is FLIP's (Li et al., 2023).
	PatchDropout float64 `json:"patch_dropout" flag:"force-patch-dropout" arg:"x" help:"share of patches left out in training (default of the model's config)"`
	NoLNPre      bool    `json:"no_ln_pre"`
	PoolType     string  `json:"pool_type"`           // tok or avg
	FinalLN      bool    `json:"final_ln_after_pool"` // ln_post after pooling instead of before
	PosEmbedType string  `json:"pos_embed_type"`      // learnable or sin_cos_2d

	// Attentional pooling (CoCa): learned queries attend to the tokens. The output of the first query is the feature, the others go
	// to a decoder.
	AttentionalPool   bool `json:"attentional_pool,omitempty"`
	AttnPoolerQueries int  `json:"attn_pooler_queries,omitempty"` // the first included; 0: 256
	AttnPoolerHeads   int  `json:"attn_pooler_heads,omitempty"`   // 0: 8
	OutputTokens      bool `json:"output_tokens,omitempty"`       // a decoder reads the tokens

	ActKwargs  *nn.ActKwargs  `json:"act_kwargs,omitempty"`  // nil: exact GELU, or what timm's name means
	NormKwargs *nn.NormKwargs `json:"norm_kwargs,omitempty"` // nil: 1e-5, or timm's 1e-6

	TimmModelName string `json:"timm_model_name,omitempty"` // a tower of timm's: SigLIP
	TimmPool      string `json:"timm_pool,omitempty"`       // map: attention pooling
	TimmProj      string `json:"timm_proj,omitempty"`       // none: the pool's output is the feature
}

// Default is open_clip's CLIPVisionCfg.
func Default() Config {
	return Config{ImageSize: 224, PatchSize: 16, Layers: 12, Width: 768, HeadWidth: 64, MLPRatio: 4,
		PoolType: "tok", PosEmbedType: "learnable"}
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	var errs []error
	within := func(name string, v, limit int) {
		if err := nn.Within("vision_cfg."+name, v, limit); err != nil {
			errs = append(errs, err)
		}
	}
	within("image_size", c.ImageSize, nn.MaxImage)
	within("patch_size", c.PatchSize, nn.MaxImage)
	within("layers", c.Layers, nn.MaxLayers)
	within("width", c.Width, nn.MaxWidth)
	within("head_width", c.HeadWidth, nn.MaxWidth)
	if len(errs) == 0 {
		errs = append(errs, c.divides())
	}
	if err := nn.CheckRatio("vision_cfg.mlp_ratio", c.MLPRatio, c.Width); err != nil {
		errs = append(errs, err)
	}
	if c.PatchDropout < 0 || c.PatchDropout >= 1 {
		errs = append(errs, fmt.Errorf("vision_cfg.patch_dropout: %g is not in [0, 1)", c.PatchDropout))
	}
	for _, err := range []error{c.ActKwargs.Validate(), c.NormKwargs.Validate()} {
		if err != nil {
			errs = append(errs, fmt.Errorf("vision_cfg.%w", err))
		}
	}
	if c.TimmModelName != "" {
		return errors.Join(append(errs, c.validateTimm())...)
	}
	queries, heads := c.Pooler()
	if queries < 2 || heads < 1 {
		errs = append(errs, fmt.Errorf("vision_cfg.attn_pooler_queries: %d queries of %d heads; at least 2 and 1", queries, heads))
	}
	within("attn_pooler_queries", queries, nn.MaxTokens)
	within("attn_pooler_heads", heads, nn.MaxWidth)
	if c.PoolType != "tok" && c.PoolType != "avg" {
		errs = append(errs, fmt.Errorf("vision_cfg.pool_type: %q is neither tok nor avg", c.PoolType))
	}
	if c.PosEmbedType != "learnable" && c.PosEmbedType != "sin_cos_2d" {
		errs = append(errs, fmt.Errorf("vision_cfg.pos_embed_type: %q is neither learnable nor sin_cos_2d", c.PosEmbedType))
	}
	return errors.Join(errs...)
}

// divides checks that patches and heads divide what they are parts of.
func (c Config) divides() error {
	var errs []error
	if n := c.grid() * c.grid(); n > nn.MaxTokens {
		errs = append(errs, fmt.Errorf("vision_cfg.patch_size: %d cuts a picture into %d patches; the limit is %d", c.PatchSize, n,
			nn.MaxTokens))
	}
	if c.grid() == 0 || c.TimmModelName == "" && c.ImageSize%c.PatchSize != 0 {
		errs = append(errs, fmt.Errorf("vision_cfg.image_size: %d is not a multiple of patch_size %d", c.ImageSize, c.PatchSize))
	}
	if c.Width%c.HeadWidth != 0 {
		errs = append(errs, fmt.Errorf("vision_cfg.width: %d is not a multiple of head_width %d", c.Width, c.HeadWidth))
	}
	return errors.Join(errs...)
}

// Pooler returns the number of queries and heads of attentional pooling.
func (c Config) Pooler() (queries, heads int) {
	return cmp.Or(c.AttnPoolerQueries, 256), cmp.Or(c.AttnPoolerHeads, 8)
}

// grid is the number of patches along a side.
func (c Config) grid() int { return c.ImageSize / c.PatchSize }

// mlpWidth is the hidden width of a block's MLP.
func (c Config) mlpWidth() int { return int(float64(c.Width) * c.MLPRatio) }
