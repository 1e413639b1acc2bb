package losses

import "clipgo/internal/torch"

// MaskedLM is the loss of a bidirectional masked language model (BERT; Devlin et al., 2019).
//
//	loss = -1/n sum over the chosen positions t of log P(x_t | the caption with the chosen positions hidden)
//
// Only chosen positions count; Mask chooses them.
type MaskedLM struct{ CrossEntropy }

// Forward takes logits [..., V] of some or all positions, and a label for each: the original token if the position was chosen, otherwise
// Ignore. Labels are not shifted. It returns a scalar.
func (m MaskedLM) Forward(logits *torch.Tensor, labels []int64) *torch.Tensor {
	shape := logits.Shape()
	return m.CrossEntropy.Forward(logits.Reshape(len(labels), shape[len(shape)-1]), labels)
}
