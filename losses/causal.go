package losses

import "clipgo/internal/torch"

// CausalLM is the loss of a language model that reads from left to right: how well each token is foretold from those
// before it (Radford et al., 2018; the caption loss of CoCa, Yu et al., 2022).
//
//	loss = -1/n sum_t log P(x_t | x_<t)
//
// The logits at a position stand for the token at the next one; labels that are Ignore, which padding must be, are left out
// of the sum and of n. exp(loss) is the perplexity.
type CausalLM struct{ CrossEntropy }

// Forward takes logits [B, L, V] and labels [B, L] of the same positions, row-major: the shift happens here.
func (c CausalLM) Forward(logitsBLV *torch.Tensor, labels []int64) *torch.Tensor {
	shape := logitsBLV.Shape()
	b, l, v := shape[0], shape[1], shape[2]
	return c.CrossEntropy.Forward(logitsBLV.Narrow(1, 0, l-1).Reshape(b*(l-1), v), Next(labels, l))
}

// Next gives, for sequences of l labels each, those that a causal model foretells: all but each sequence's first.
func Next(labels []int64, l int) []int64 {
	out := make([]int64, 0, len(labels))
	for i := 0; i+l <= len(labels); i += l {
		out = append(out, labels[i+1:i+l]...)
	}
	return out
}
