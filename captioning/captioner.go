// Package captioning is what a model with a decoder can do (CoCa; Yu et al., 2022): it is trained to write captions, and
// writes them.
package captioning

import (
	"errors"

	"clipgo/contrastive"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Captioner is a model with a decoder.
type Captioner struct{ *contrastive.Model }

// ErrNoDecoder is a model that can't write captions.
var ErrNoDecoder = errors.New("the model has no decoder (multimodal_cfg): captions are written by CoCa models, such as coca_ViT-B-32")

// Of is a model as a captioner, which shares its memory. A model without a decoder is ErrNoDecoder.
func Of(m *contrastive.Model) (Captioner, error) {
	if m.Decoder() == nil {
		return Captioner{}, ErrNoDecoder
	}
	return Captioner{m}, nil
}

// Hidden maps the tokens of n captions of l ids and of their pictures to what each next token is read from, [n, l-1, D]:
// row i stands for the prediction of token i+1.
func (c Captioner) Hidden(words, pictures *torch.Tensor, mode nn.Mode) *torch.Tensor {
	l := words.Shape()[1]
	return c.Decoder().Hidden(words.Narrow(1, 0, l-1), pictures, mode)
}
