package nn

import (
	"fmt"

	"clipgo/internal/torch"
)

// KV holds the keys and values of a sequence of M positions, [B, N, M, H] each.
type KV struct{ Keys, Values *torch.Tensor }

// CrossAttention is multi-head attention from one sequence to another (Vaswani et al., 2017), with the parameter names of PyTorch's
// MultiheadAttention: one packed projection if both are equally wide, otherwise three.
type CrossAttention struct {
	packed            *Param // in_proj_weight [3E, E]
	query, key, value *Param // q_proj_weight [E, E], k_proj_weight and v_proj_weight [E, D]
	bias              *Param // in_proj_bias [3E]
	out               *Linear
	heads, width      int
}

// newCrossAttention declares attention of width s.Width to a context of width context.
func newCrossAttention(p Path, s Shape, context int) *CrossAttention {
	a, e := &CrossAttention{heads: s.Heads, width: s.Width}, s.Width
	if context == e {
		a.packed = p.Declare("in_proj_weight", s.Start.AttnIn, 3*e, e)
	} else {
		a.query = p.Declare("q_proj_weight", Xavier(e, e), e, e)
		a.key = p.Declare("k_proj_weight", Xavier(e, context), e, context)
		a.value = p.Declare("v_proj_weight", Xavier(e, context), e, context)
	}
	a.bias = p.Declare("in_proj_bias", s.Start.AttnBias, 3*e)
	a.out = NewLinear(p.At("out_proj"), e, e, s.Start.AttnOut, s.Start.AttnOutBias)
	return a
}

// part returns the i-th projection (0 queries, 1 keys, 2 values) and its bias.
func (a *CrossAttention) part(i int, x *torch.Tensor) (weight, bias *torch.Tensor) {
	bias = a.bias.For(x).Narrow(0, i*a.width, a.width)
	if a.packed != nil {
		return a.packed.For(x).Narrow(0, i*a.width, a.width), bias
	}
	return [...]*Param{a.query, a.key, a.value}[i].For(x), bias
}

// Context projects the context [B, M, D] to keys and values.
func (a *CrossAttention) Context(xBMD *torch.Tensor) KV {
	return KV{a.split(1, xBMD), a.split(2, xBMD)}
}

// split projects [B, L, D] and splits the heads: [B, N, L, H].
func (a *CrossAttention) split(i int, x *torch.Tensor) *torch.Tensor {
	y := x.Linear(a.part(i, x))
	b, l := y.Shape()[0], y.Shape()[1]
	return y.Reshape(b, l, a.heads, a.width/a.heads).Transpose(1, 2)
}

// Forward maps queries [B, L, E] to [B, L, E] by attention to the context. A query batch of 1 is broadcast over the context's batch.
func (a *CrossAttention) Forward(xBLE *torch.Tensor, context KV) *torch.Tensor {
	b, l := context.Keys.Shape()[0], xBLE.Shape()[1]
	yBNLH := torch.Attention(a.split(0, xBLE), context.Keys, context.Values, nil)
	return a.out.Forward(yBNLH.Transpose(1, 2).Reshape(b, l, a.width))
}

// CrossBlock is a pre-norm residual block with cross-attention; it normalizes the context as well.
type CrossBlock struct {
	ln1, lnContext, ln2 *LayerNorm
	attn                *CrossAttention
	mlp                 *MLP
	scale1, scale2      *LayerScale
}

// NewCrossBlocks declares blocks at a path, under open_clip's names.
func NewCrossBlocks(p Path, s Shape) []*CrossBlock {
	blocks := make([]*CrossBlock, s.Layers)
	for i := range blocks {
		blocks[i] = newCrossBlock(p.At(fmt.Sprint(i)), s)
	}
	return blocks
}

func newCrossBlock(p Path, s Shape) *CrossBlock {
	b := &CrossBlock{ln1: NewLayerNorm(p.At("ln_1"), s.Width, s.eps())}
	b.attn = newCrossAttention(p.At("attn"), s, s.Width)
	b.scale1 = NewLayerScale(p.At("ls_1"), s.Width, s.LayerScale)
	b.lnContext = NewLayerNorm(p.At("ln_1_kv"), s.Width, s.eps())
	b.ln2 = NewLayerNorm(p.At("ln_2"), s.Width, s.eps())
	b.mlp = newMLP(p.At("mlp"), s, OpenCLIPNames.parts())
	b.scale2 = NewLayerScale(p.At("ls_2"), s.Width, s.LayerScale)
	return b
}

// Context normalizes the context [B, M, E] and projects it to keys and values.
func (b *CrossBlock) Context(xBME *torch.Tensor) KV { return b.attn.Context(b.lnContext.Forward(xBME)) }

// Forward maps [B, L, E] to [B, L, E].
func (b *CrossBlock) Forward(x *torch.Tensor, context KV) *torch.Tensor {
	x = x.Add(b.scale1.Forward(b.attn.Forward(b.ln1.Forward(x), context)))
	return x.Add(b.scale2.Forward(b.mlp.Forward(b.ln2.Forward(x))))
}
