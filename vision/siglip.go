package vision

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// SigLIP is timm's vision transformer as SigLIP uses it (Zhai et al., 2023): no class token, a patch embedding with bias, and attention
// pooling, whose output is the feature.
type SigLIP struct {
	config                 Config
	patchWeight, patchBias *nn.Param // patch_embed.proj.weight [D, 3, p, p], .bias [D]
	positions              *nn.Param // pos_embed [1, P, D]
	blocks                 *nn.Transformer
	norm                   *nn.LayerNorm
	pool                   *nn.AttentionPool
}

// NewSigLIP declares a tower at a path, with timm's names and initialization.
func NewSigLIP(p nn.Path, c Config) *SigLIP {
	d, grid := c.Width, c.grid()
	wide, zero := nn.Normal(0.02), nn.Constant(0)
	shape := nn.Shape{
		Width: d, Layers: c.Layers, Heads: d / c.HeadWidth, MLPWidth: c.mlpWidth(),
		Activation: c.Activation(), Eps: c.timmEps(), Naming: nn.TimmNames,
		Start: nn.Start{
			AttnIn: wide, AttnOut: wide, Up: wide, Down: wide,
			AttnBias: zero, AttnOutBias: zero, UpBias: zero, DownBias: zero,
		},
	}
	v := &SigLIP{config: c}
	v.positions = p.Declare("pos_embed", nn.Normal(0.02), 1, grid*grid, d)
	pixels := 3 * c.PatchSize * c.PatchSize
	projection := p.At("patch_embed").At("proj")
	v.patchWeight = projection.Declare("weight", nn.FanIn(pixels), d, 3, c.PatchSize, c.PatchSize)
	v.patchBias = projection.Declare("bias", nn.FanIn(pixels), d)
	v.blocks = nn.NewTransformer(p, shape)
	v.norm = nn.NewLayerNorm(p.At("norm"), d, shape.Eps)
	v.pool = nn.NewAttentionPool(p.At("attn_pool"), shape, nn.TruncatedNormal(1/math.Sqrt(float64(d))))
	return v
}

// Forward maps pictures [B, 3, S, S] to features [B, D], not normalized.
//
// D width, P patches, L = P tokens, or fewer under patch dropout.
func (v *SigLIP) Forward(images *torch.Tensor, mode nn.Mode) *torch.Tensor {
	xBLD := v.embed(images.To(mode.Type()))
	mode.Show("embeddings", xBLD)
	xBLD = dropPatches(xBLD, 0, v.config.PatchDropout, mode.DropKeys)
	xBLD = v.norm.Forward(v.blocks.Forward(xBLD, nil, mode))
	mode.Show("norm", xBLD)
	return v.pool.Forward(xBLD)
}

func (v *SigLIP) embed(images *torch.Tensor) *torch.Tensor {
	flat := v.config.patches(images)
	weight := v.patchWeight.For(flat).Reshape(v.config.Width, flat.Shape()[2])
	return flat.Linear(weight, v.patchBias.For(flat)).Add(v.positions.For(flat))
}
