package losses

import "clipgo/internal/torch"

// MaskedLM is the loss of a language model that reads both ways and restores what was hidden from it (BERT, Devlin et al.,
// 2019).
//
//	loss = -1/n sum over the chosen positions t of log P(x_t | the caption with the chosen positions hidden)
//
// Only chosen positions count; Mask chooses them.
type MaskedLM struct{ CrossEntropy }

// Forward takes logits [..., V] of all positions, or of some, and for each its original token where it was chosen, else
// Ignore. There is no shift.
func (m MaskedLM) Forward(logits *torch.Tensor, labels []int64) *torch.Tensor {
	shape := logits.Shape()
	return m.CrossEntropy.Forward(logits.Reshape(len(labels), shape[len(shape)-1]), labels)
}
