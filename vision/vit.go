package vision

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// ViT is a vision transformer (Dosovitskiy et al., 2021) with CLIP's extra norm before the blocks.
type ViT struct {
	config    Config
	patches   *nn.Param // conv1.weight [D, 3, p, p]
	class     *nn.Param // [D]
	positions *nn.Param // [P+1, D]
	lnPre     *nn.LayerNorm
	blocks    *nn.Transformer
	lnPost    *nn.LayerNorm
	pooler    *nn.Pooler
	project   *nn.Param // proj [D, E], used as x proj; [E, E] after a pooler
}

// NewViT declares a tower at a path, with features of width E = embed and open_clip's names and initialization.
func NewViT(p nn.Path, c Config, embed int, activation nn.Activation) *ViT {
	d, grid := c.Width, c.grid()
	pooled := d
	if c.AttentionalPool {
		pooled = embed
	}
	scale, eps := 1/math.Sqrt(float64(d)), c.NormKwargs.Epsilon()
	v := &ViT{config: c}
	v.class = p.Declare("class_embedding", nn.Normal(scale), d)
	v.positions = p.Declare("positional_embedding", positionsInit(c, scale), grid*grid+1, d)
	v.positions.Fixed = c.PosEmbedType == "sin_cos_2d"
	v.project = p.Declare("proj", nn.Normal(scale), pooled, embed)
	v.patches = p.At("conv1").Declare("weight", nn.FanIn(3*c.PatchSize*c.PatchSize), d, 3, c.PatchSize, c.PatchSize)
	if !c.NoLNPre {
		v.lnPre = nn.NewLayerNorm(p.At("ln_pre"), d, eps)
	}
	mlp := c.mlpWidth()
	v.blocks = nn.NewTransformer(p.At("transformer"), nn.Shape{
		Width: d, Layers: c.Layers, Heads: d / c.HeadWidth, MLPWidth: mlp, Activation: activation, Eps: eps, LayerScale: c.LSInitValue,
		Start: nn.Start{
			AttnIn: nn.Xavier(3*d, d), AttnBias: nn.Constant(0), AttnOut: nn.FanIn(d), AttnOutBias: nn.Constant(0),
			Up: nn.FanIn(d), UpBias: nn.FanIn(d), Down: nn.FanIn(mlp), DownBias: nn.FanIn(mlp),
		},
	})
	if c.AttentionalPool {
		queries, heads := c.Pooler()
		v.pooler = nn.NewPooler(p.At("attn_pool"), nn.PoolerShape{Width: embed, Context: d, Heads: heads, Queries: queries, Eps: eps})
	}
	v.lnPost = nn.NewLayerNorm(p.At("ln_post"), pooled, eps)
	return v
}

func positionsInit(c Config, scale float64) nn.Init {
	if c.PosEmbedType == "sin_cos_2d" {
		return nn.Values(SinCos2D(c.Width, c.grid()))
	}
	return nn.Normal(scale)
}

// Forward maps pictures [B, 3, S, S] to features [B, E], not normalized.
//
// D width, P patches, L = P+1 tokens, or fewer under patch dropout.
func (v *ViT) Forward(images *torch.Tensor, mode nn.Mode) *torch.Tensor {
	xBLD := v.begin(images, mode)
	var x *torch.Tensor
	if v.pooler == nil && v.config.PoolType == "tok" {
		x = v.lnPost.Forward(v.blocks.ForwardRead(xBLD, nil, nn.Read{}, mode))
	} else {
		x = v.pool(v.blocks.Forward(xBLD, nil, mode))
	}
	mode.Show("ln_post", x)
	return x.Matmul(v.project.For(x))
}

// ForwardTokens returns the features [B, E] and the outputs of the pooler's other queries [B, Q-1, E], to which a decoder attends.
func (v *ViT) ForwardTokens(images *torch.Tensor, mode nn.Mode) (features, tokensBQE *torch.Tensor) {
	xBQE := v.lnPost.Forward(v.pooler.Forward(v.blocks.Forward(v.begin(images, mode), nil, mode)))
	mode.Show("ln_post", xBQE)
	x := v.choose(xBQE)
	return x.Matmul(v.project.For(x)), xBQE.Narrow(1, 1, xBQE.Shape()[1]-1)
}

// begin returns the tokens [B, L, D] before the blocks.
func (v *ViT) begin(images *torch.Tensor, mode nn.Mode) *torch.Tensor {
	xBLD := v.embed(images.To(mode.Type()))
	xBLD = dropPatches(xBLD, 1, v.config.PatchDropout, mode.DropKeys)
	if v.lnPre != nil {
		xBLD = v.lnPre.Forward(xBLD)
	}
	mode.Show("ln_pre", xBLD)
	return xBLD
}

// embed projects the patches, prepends the class token and adds the positions: [B, P+1, D].
func (v *ViT) embed(images *torch.Tensor) *torch.Tensor {
	flat := v.config.patches(images)
	b, pixels, d := flat.Shape()[0], flat.Shape()[2], v.config.Width
	patches := flat.Linear(v.patches.For(flat).Reshape(d, pixels), nil)
	class := v.class.For(flat).Reshape(1, 1, d).Expand(b, 1, d)
	return torch.Cat(1, class, patches).Add(v.positions.For(flat))
}

// pool computes the feature from all tokens.
func (v *ViT) pool(xBLD *torch.Tensor) *torch.Tensor {
	if v.pooler != nil {
		return v.choose(v.lnPost.Forward(v.pooler.Forward(xBLD)))
	}
	if v.config.FinalLN {
		return v.lnPost.Forward(meanOfPatches(xBLD))
	}
	return meanOfPatches(v.lnPost.Forward(xBLD))
}

// choose computes the feature from the pooler's outputs.
func (v *ViT) choose(xBQE *torch.Tensor) *torch.Tensor {
	if v.config.PoolType == "tok" {
		return xBQE.Select(1, 0)
	}
	return meanOfPatches(xBQE)
}

// meanOfPatches is the mean over all tokens except the class token.
func meanOfPatches(xBLD *torch.Tensor) *torch.Tensor {
	return xBLD.Narrow(1, 1, xBLD.Shape()[1]-1).MeanAlong(1)
}
