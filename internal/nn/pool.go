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
