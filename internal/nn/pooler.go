package nn

import "clipgo/internal/torch"

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
