package nn

import "clipgo/internal/torch"

// Attention is multi-head self-attention with one packed projection (Vaswani et al., 2017).
type Attention struct {
	inWeight, inBias *Param
	out              *Linear
	heads            int
}

// Forward attends within each sequence. mask [L, L] is added to the scores; nil lets every position see every other.
//
// B batch, L sequence, D width, N heads, H head width.
func (a *Attention) Forward(xBLD, mask *torch.Tensor) *torch.Tensor {
	shape := xBLD.Shape()
	b, l, d := shape[0], shape[1], shape[2]
	qkv := xBLD.Linear(a.inWeight.For(xBLD), a.inBias.For(xBLD)).
		Reshape(b, l, 3, a.heads, d/a.heads).
		Permute(2, 0, 3, 1, 4) // 3BNLH
	yBNLH := torch.Attention(qkv.Select(0, 0), qkv.Select(0, 1), qkv.Select(0, 2), mask)
	return a.out.Forward(yBNLH.Transpose(1, 2).Reshape(b, l, d))
}
