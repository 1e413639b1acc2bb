package text

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Extend is the tokens [B, L, D] of ForwardTokens for ids that follow p others, which are known by their keys and values.
// None of them may be padding: the class token, which nothing sees, is left out.
func (t *Transformer) Extend(s *torch.Scope, ids []int32, batch, p int, past []nn.KV, mode nn.Mode) (*torch.Tensor, []nn.KV) {
	l, device := len(ids)/batch, t.tokens.Tensor().Device()
	idsBL := torch.From(s, torch.Int64s(ids), batch, l).OnDevice(device)
	xBLD := t.tokens.In(s).Embedding(idsBL).Add(t.positions.In(s).Narrow(0, p, l)).To(mode.Type())
	return t.blocks.Extend(xBLD, past, following(xBLD, l, p))
}

// following is the causal mask [L, P+L] of L positions that follow P others; nil for a single one, which sees all.
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

// Contexts are what the decoder's blocks attend to of a picture's tokens [B, M, D]: computed once for a whole caption.
func (d *Decoder) Contexts(picture *torch.Tensor) []nn.KV {
	out := make([]nn.KV, len(d.cross))
	for i, cross := range d.cross {
		out[i] = cross.Context(picture)
	}
	return out
}

// Extend is Hidden for the text tower's tokens [B, L, D] that follow p others, known by their keys and values.
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
