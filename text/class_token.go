package text

import (
	"math"
	"slices"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// ForwardTokens is Forward of a tower with a class token (CoCa). It returns the features [B, E], read at the class token, and the
// tokens before it [B, L, D], not normalized, for a decoder. L is the captions' length, also if padding was trimmed.
//
// The class token follows the whole context. Trimmed captions get one column of padding back, which the mask of the published weights
// leaves visible to the class token; all other padding is masked.
func (t *Transformer) ForwardTokens(s *torch.Scope, ids []int32, batch int, mode nn.Mode) (features, tokensBLD *torch.Tensor) {
	given, context := len(ids)/batch, t.config.ContextLength
	ids = padOne(ids, batch, context)
	l, d, device := len(ids)/batch, t.config.Width, t.tokens.Tensor().Device()
	idsBL := torch.From(s, torch.Int64s(ids), batch, l).OnDevice(device)
	words := t.tokens.In(s).Embedding(idsBL).Add(t.positions.In(s).Narrow(0, 0, l))
	class := t.class.In(s).Reshape(1, 1, d).Add(t.positions.In(s).Narrow(0, context, 1)).Expand(batch, 1, d)
	xBLD := torch.Cat(1, words, class).To(mode.Type())
	mask := torch.From(s, classMask(ids, batch, t.config.CorrectClsMask), batch, 1, l+1, l+1).OnDevice(device).To(mode.Type())
	xBLD = t.blocks.Forward(xBLD, mask, mode)
	x := t.lnFinal.Forward(xBLD.Select(1, l))
	mode.Show("ln_final", x)
	return t.project.forward(x), xBLD.Narrow(1, 0, given)
}

// padOne appends one column of padding to captions that are shorter than the context.
func padOne(ids []int32, batch, context int) []int32 {
	l := len(ids) / batch
	if l == context {
		return ids
	}
	out := make([]int32, 0, len(ids)+batch)
	for row := range slices.Chunk(ids, l) {
		out = append(append(out, row...), 0)
	}
	return out
}

// classMask is the additive mask [B, L+1, L+1] of captions of l ids and the class token: causal, with the padding masked. In
// open_clip's original form column j is masked if token j-1 is padding; in the correct one, if token j is.
func classMask(ids []int32, batch int, correct bool) []float32 {
	l, hidden := len(ids)/batch, float32(math.Inf(-1))
	n := l + 1
	mask := make([]float32, batch*n*n)
	for b := range batch {
		row := ids[b*l : (b+1)*l]
		for j := range n {
			padding := !correct && j > 0 && row[j-1] == 0 || correct && j < l && row[j] == 0
			for i := range n {
				if j > i || padding {
					mask[(b*n+i)*n+j] = hidden
				}
			}
		}
	}
	return mask
}
