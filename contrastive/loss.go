package contrastive

import "clipgo/internal/torch"

// Contrast is what a contrastive loss sees.
type Contrast struct {
	Image, Text *torch.Tensor // [B, E], unit rows; row i of one belongs to row i of the other
	Scale       *torch.Tensor // [], exp(logit_scale)
	Bias        *torch.Tensor // [], added to every logit; nil where the model has none
}

// logits are the scaled similarities [B, B], a row for each picture.
func (c Contrast) logits() *torch.Tensor {
	perImage := c.Image.Mul(c.Scale).Matmul(c.Text.Transpose(0, 1)) // scale first, as open_clip
	if c.Bias == nil {
		return perImage
	}
	return perImage.Add(c.Bias)
}

// Loss knows no model and no data.
type Loss interface {
	// Forward returns the loss of a batch, a scalar, with its graph.
	Forward(in Contrast) *torch.Tensor
}
