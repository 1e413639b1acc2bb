package text

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Extend returns the tokens [B, L, D] of ForwardTokens for ids that follow p others, whose keys and values are cached in past. No id may
// be padding. The class token is omitted, since no token attends to it.
func (t *Transformer) Extend(s *torch.Scope, ids []int32, batch, p int, past []nn.KV, mode nn.Mode) (*torch.Tensor, []nn.KV) {
	l, device := len(ids)/batch, t.tokens.Tensor().Device()
	idsBL := torch.From(s, torch.Int64s(ids), batch, l).OnDevice(device)
	xBLD := t.tokens.In(s).Embedding(idsBL).Add(t.positions.In(s).Narrow(0, p, l)).To(mode.Type())
	return t.blocks.Extend(xBLD, past, following(xBLD, l, p))
}

// following is the causal mask [L, P+L] of L positions that follow P others; nil for a single one, which attends to all.
func following(x *torch.Tensor, l, p int) *torch.Tensor {
	if l == 1 {
		return nil
	}
	mask := make([]float32, l*(p+l))
	for i := range l {
		for j := p + i + 1; j < p+l; j++ {
			mask[i*(p+l)+j] = float32(math.Inf(-1))
		}
	}
	return torch.From(x.Scope(), mask, l, p+l).OnDevice(x.Device()).To(x.DType())
}

// Contexts computes the keys and values of a picture's tokens [B, M, D] for each block of the decoder, once for a whole caption.
func (d *Decoder) Contexts(picture *torch.Tensor) []nn.KV {
	out := make([]nn.KV, len(d.cross))
	for i, cross := range d.cross {
		out[i] = cross.Context(picture)
	}
	return out
}

// Extend is Hidden for tokens [B, L, D] of the text tower that follow p others, whose keys and values are cached in past.
func (d *Decoder) Extend(words *torch.Tensor, p int, past, contexts []nn.KV) (hidden *torch.Tensor, now []nn.KV) {
	x, mask := words, following(words, words.Shape()[1], p)
	now = make([]nn.KV, len(d.cross))
	for i, cross := range d.cross {
		var seen nn.KV
		if past != nil {
			seen = past[i]
		}
		x, now[i] = d.blocks.Block(i).Extend(x, seen, mask)
		x = cross.Forward(x, contexts[i])
	}
	return d.lnFinal.Forward(x), now
}
