package text

import (
	"math"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Masked is captions with masked tokens, for a masked language model.
type Masked struct {
	IDs     []int32 // B captions of L ids each, L up to the context length
	Lengths []int   // number of ids of each caption before the padding
	Hidden  []int   // positions in IDs whose embedding is replaced by MaskEmbedding
	Read    []int   // positions in IDs whose outputs are returned

	MaskEmbedding *torch.Tensor // [D]
}

// ForwardMasked returns the tower's outputs at the positions Read, [N, D], after its last norm. Whatever the config says, attention
// is over all tokens of a caption but not over its padding, and there is no pooling.
func (t *Transformer) ForwardMasked(s *torch.Scope, in Masked, mode nn.Mode) *torch.Tensor {
	batch := len(in.Lengths)
	l, d, device := len(in.IDs)/batch, t.config.Width, t.tokens.Tensor().Device()
	words := t.tokens.In(s).Embedding(torch.From(s, torch.Int64s(in.IDs), batch, l).OnDevice(device))
	hidden := torch.From(s, marked(in.Hidden, len(in.IDs)), batch, l, 1).OnDevice(device)
	words = words.Add(hidden.Mul(in.MaskEmbedding.Reshape(1, 1, d).Sub(words)))
	xBLD := words.Add(t.positions.In(s).Narrow(0, 0, l)).To(mode.Type())
	mask := torch.From(s, padding(in.Lengths, l), batch, 1, 1, l).OnDevice(device).To(mode.Type())
	xBLD = t.blocks.Forward(xBLD, mask, mode)
	rows := torch.From(s, torch.Int64s(in.Read), len(in.Read)).OnDevice(device)
	return t.lnFinal.Forward(xBLD.Reshape(batch*l, d).Rows(rows))
}

// Tied maps hidden states [N, D] to logits [N, V] by the token embedding (tied weights).
func (t *Transformer) Tied(x *torch.Tensor) *torch.Tensor { return x.Linear(t.tokens.For(x), nil) }

// marked returns n values: 1 at the given positions, 0 elsewhere.
func marked(at []int, n int) []float32 {
	out := make([]float32, n)
	for _, i := range at {
		out[i] = 1
	}
	return out
}

// padding is the additive mask [B, l]: 0 before each caption's length, minus infinity from there on.
func padding(lengths []int, l int) []float32 {
	out := make([]float32, 0, len(lengths)*l)
	for _, n := range lengths {
		out = append(out, make([]float32, n)...)
		out = append(out, slices.Repeat([]float32{float32(math.Inf(-1))}, l-n)...)
	}
	return out
}
