package nn

import "clipgo/internal/torch"

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
	return a.out.Forward(xBLD.Linear(a.inWeight.For(xBLD), a.inBias.For(xBLD)).SelfAttention(a.heads, mask))
}
