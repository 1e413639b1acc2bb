package nn

import "clipgo/internal/torch"

// Attention is multi-head self-attention with one packed projection (Vaswani et al., 2017).
type Attention struct {
	inWeight, inBias *Param
	out              *Linear
	heads            int
}

// Forward attends within each sequence. mask [L, L] or [B, 1, L, L] is added to the scores; nil lets every position see every other.
//
// B batch, L sequence, D width.
func (a *Attention) Forward(xBLD, mask *torch.Tensor) *torch.Tensor {
	return a.out.Forward(xBLD.Linear(a.inWeight.For(xBLD), a.inBias.For(xBLD)).SelfAttention(a.heads, mask))
}
