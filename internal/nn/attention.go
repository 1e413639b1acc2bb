package nn

import (
	"math"

	"clipgo/internal/torch"
)

// Attention is multi-head self-attention with one packed projection (Vaswani et al., 2017).
type Attention struct {
	inWeight, inBias *Param
	out              *Linear
	heads            int
}

// Forward maps [B, L, D] to [B, L, D]. mask [L, L] or [B, 1, L, L] is added to the scores; with nil every position attends to all.
//
// B batch, L sequence, D width.
func (a *Attention) Forward(xBLD, mask *torch.Tensor) *torch.Tensor {
	return a.out.Forward(a.mix(xBLD, mask))
}

// mix is Forward before the output projection.
func (a *Attention) mix(xBLD, mask *torch.Tensor) *torch.Tensor {
	return linear(xBLD, a.inWeight, a.inBias).SelfAttention(a.heads, mask)
}

// mixOne is mix for one token of each sequence, of which x has the row [B, D]: [B, D]. mask is [B, L] or nil.
func (a *Attention) mixOne(x, xBLD, mask *torch.Tensor) *torch.Tensor {
	d := x.Shape()[1]
	q, kv := linearPart(x, a.inWeight, a.inBias, 0, d), linearPart(xBLD, a.inWeight, a.inBias, d, 2*d)
	return torch.SingleQueryAttention(q, kv, a.heads, mask)
}

// Weights returns the attention weights softmax(q k^T / sqrt(H) + mask), float32 [B, N, L, L], a row for each query. Forward never
// holds them as a whole, so they are computed again, for visualization.
func (a *Attention) Weights(xBLD, mask *torch.Tensor) *torch.Tensor {
	shape := xBLD.Shape()
	b, l, h := shape[0], shape[1], shape[2]/a.heads
	qkv := linear(xBLD, a.inWeight, a.inBias).To(torch.Float32).
		Reshape(b, l, 3, a.heads, h).Permute(2, 0, 3, 1, 4) // 3BNLH
	scores := qkv.Select(0, 0).Scale(1 / math.Sqrt(float64(h))).Matmul(qkv.Select(0, 1).Transpose(-2, -1))
	if mask != nil {
		scores = scores.Add(mask.To(torch.Float32))
	}
	return scores.Softmax(-1)
}

// attend passes the attention weights of block b for input x to m.Attend, and frees them.
func (m Mode) attend(layer int, b *Block, x, mask *torch.Tensor) {
	if m.Attend == nil {
		return
	}
	torch.Tidy(x, func(x *torch.Tensor) *torch.Tensor {
		m.Attend(layer, b.attn.Weights(b.ln1.Forward(x), mask))
		return x
	})
}
