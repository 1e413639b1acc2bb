package text

import (
	"math"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Masked is captions with holes, for a masked language model.
type Masked struct {
	IDs     []int32 // B captions of L ids each, L up to the context length
	Lengths []int   // of each caption: its ids before the padding
	Hidden  []int   // places in IDs that are holes
	Read    []int   // places in IDs that are read
	Hole    *torch.Tensor
}

// ForwardMasked maps captions with holes to what the tower knows at the places that are read, [N, D], after its last norm. Hole [D]
// stands for the embedding of a hidden token. Whatever the config says, every token sees every other of its caption, and none
// the padding; there is no pooling.
func (t *Transformer) ForwardMasked(s *torch.Scope, in Masked, mode nn.Mode) *torch.Tensor {
	batch := len(in.Lengths)
	l, d, device := len(in.IDs)/batch, t.config.Width, t.tokens.Tensor().Device()
	words := t.tokens.In(s).Embedding(torch.From(s, torch.Int64s(in.IDs), batch, l).OnDevice(device))
	holes := torch.From(s, marked(in.Hidden, len(in.IDs)), batch, l, 1).OnDevice(device)
	words = words.Add(holes.Mul(in.Hole.Reshape(1, 1, d).Sub(words)))
	xBLD := words.Add(t.positions.In(s).Narrow(0, 0, l)).To(mode.Type())
	mask := torch.From(s, padding(in.Lengths, l), batch, 1, 1, l).OnDevice(device).To(mode.Type())
	xBLD = t.blocks.Forward(xBLD, mask, mode)
	rows := torch.From(s, torch.Int64s(in.Read), len(in.Read)).OnDevice(device)
	return t.lnFinal.Forward(xBLD.Reshape(batch*l, d).Rows(rows))
}

// Tied maps [N, D] to the scores of each token, [N, V], by the token embedding itself.
func (t *Transformer) Tied(x *torch.Tensor) *torch.Tensor { return x.Linear(t.tokens.For(x), nil) }

// marked is 1 at some places of n, 0 elsewhere.
func marked(at []int, n int) []float32 {
	out := make([]float32, n)
	for _, i := range at {
		out[i] = 1
	}
	return out
}

// padding is 0 up to each length and minus infinity behind it, [B, l].
func padding(lengths []int, l int) []float32 {
	out := make([]float32, 0, len(lengths)*l)
	for _, n := range lengths {
		out = append(out, make([]float32, n)...)
		out = append(out, slices.Repeat([]float32{float32(math.Inf(-1))}, l-n)...)
	}
	return out
}
