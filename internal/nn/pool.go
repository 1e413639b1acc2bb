package nn

import "clipgo/internal/torch"

// AttentionPool pools a sequence by attention from one learned query, followed by a residual MLP (the MAP head of Zhai et al., 2022,
// "Scaling vision transformers").
type AttentionPool struct {
	query   *Param // latent [1, 1, D]
	q, kv   *Linear
	project *Linear
	norm    *LayerNorm
	mlp     *MLP
	heads   int
}

// NewAttentionPool declares a pool at a path, under timm's names, with the width, heads and MLP of a stack's blocks.
func NewAttentionPool(p Path, s Shape, query Init) *AttentionPool {
	d, n := s.Width, s.Naming.parts()
	a := &AttentionPool{heads: s.Heads, query: p.Declare("latent", query, 1, 1, d)}
	a.q = NewLinear(p.At("q"), d, d, s.Start.AttnIn, s.Start.AttnBias)
	a.kv = NewLinear(p.At("kv"), d, 2*d, s.Start.AttnIn, s.Start.AttnBias)
	a.project = NewLinear(p.At("proj"), d, d, s.Start.AttnOut, s.Start.AttnOutBias)
	a.norm = NewLayerNorm(p.At("norm"), d, s.eps())
	a.mlp = newMLP(p.At("mlp"), s, n)
	return a
}

// Forward maps [B, L, D] to [B, D].
//
// B batch, L sequence, D width, N heads, H head width.
func (a *AttentionPool) Forward(xBLD *torch.Tensor) *torch.Tensor {
	shape := xBLD.Shape()
	b, l, d := shape[0], shape[1], shape[2]
	h := d / a.heads
	q := a.q.Forward(a.query.For(xBLD)).Reshape(1, a.heads, 1, h)                // one query for the whole batch
	kv := a.kv.Forward(xBLD).Reshape(b, l, 2, a.heads, h).Permute(2, 0, 3, 1, 4) // 2BNLH
	yBN1H := torch.Attention(q, kv.Select(0, 0), kv.Select(0, 1), nil)
	y := a.project.Forward(yBN1H.Reshape(b, d))
	return y.Add(a.mlp.Forward(a.norm.Forward(y)))
}

// Pooler pools a sequence by attention from learned queries (CoCa's attentional pooler; Yu et al., 2022, section 3.2).
type Pooler struct {
	query    *Param // [Q, E]
	attn     *CrossAttention
	lnQ, lnK *LayerNorm
}

// PoolerShape holds the sizes of a pooler.
type PoolerShape struct {
	Width, Context int // E of the queries, D of the sequence
	Heads, Queries int
	Eps            float64
}

// NewPooler declares a pooler at a path, with open_clip's names and PyTorch's initialization.
func NewPooler(p Path, s PoolerShape) *Pooler {
	a := &Pooler{query: p.Declare("query", Normal(1), s.Queries, s.Width)}
	start := Start{AttnIn: Xavier(3*s.Width, s.Width), AttnBias: Constant(0), AttnOut: FanIn(s.Width), AttnOutBias: Constant(0)}
	a.attn = newCrossAttention(p.At("attn"), Shape{Width: s.Width, Heads: s.Heads, Start: start}, s.Context)
	a.lnQ = NewLayerNorm(p.At("ln_q"), s.Width, s.Eps)
	a.lnK = NewLayerNorm(p.At("ln_k"), s.Context, s.Eps)
	return a
}

// Forward maps [B, L, D] to [B, Q, E]. The whole batch has the same queries.
func (a *Pooler) Forward(xBLD *torch.Tensor) *torch.Tensor {
	query := a.query.For(xBLD)
	q, e := query.Shape()[0], query.Shape()[1]
	return a.attn.Forward(a.lnQ.Forward(query.Reshape(1, q, e)), a.attn.Context(a.lnK.Forward(xBLD)))
}
