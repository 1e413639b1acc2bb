package contrastive

import "clipgo/internal/torch"

// Contrast is what a contrastive loss sees.
type Contrast struct {
	Image, Text *torch.Tensor // [B, E], unit rows; row i of one belongs to row i of the other
	Scale       *torch.Tensor // [], exp(logit_scale)
}

// Loss knows no model and no data.
type Loss interface {
	// Forward returns the loss of a batch, a scalar, with its graph.
	Forward(in Contrast) *torch.Tensor
}
