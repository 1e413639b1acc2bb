package nn

import "clipgo/internal/torch"

// Read says which token of each sequence is read of a stack's output, and is the only one: the class token of a picture, or the end of a
// caption. The last block then computes its keys and values for all tokens and everything else for that one.
type Read struct {
	Row  *torch.Tensor // its row in [B*L, D], int64 [B]; nil: the first token of each sequence
	Mask *torch.Tensor // is added to its scores [B, L]; nil: it attends to all
}

// of is the token [B, D] of each sequence of x [B, L, D].
func (r Read) of(x *torch.Tensor) *torch.Tensor {
	if r.Row == nil {
		return x.Select(1, 0)
	}
	return x.Reshape(-1, x.Shape()[2]).Rows(r.Row)
}

// ForwardRead maps [B, L, D] to the token [B, D] that is read of Forward's result.
func (t *Transformer) ForwardRead(x, mask *torch.Tensor, r Read, mode Mode) *torch.Tensor {
	last := len(t.blocks) - 1
	if last < 0 || mode.See != nil || mode.Attend != nil { // these want the last block of all tokens
		return r.of(t.Forward(x, mask, mode))
	}
	before := Transformer{blocks: t.blocks[:last]}
	return mode.Layer(func(in ...*torch.Tensor) *torch.Tensor { return t.blocks[last].read(in[0], r) }, before.Forward(x, mask, mode))
}

// read is Forward for the token that is read: [B, D].
func (b *Block) read(xBLD *torch.Tensor, r Read) *torch.Tensor {
	norm := b.ln1.Forward(xBLD)
	x := b.attn.out.forwardAdd(b.attn.mixOne(r.of(norm), norm, r.Mask), r.of(xBLD), b.scale1)
	return b.mlp.down.forwardAdd(b.mlp.hidden(b.ln2.Forward(x)), x, b.scale2)
}
