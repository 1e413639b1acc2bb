package captioning

import (
	"context"
	"errors"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
)

// Captioner is a model with a decoder.
type Captioner struct{ *model.Model }

// ErrNoDecoder is returned for a model that can't write captions.
var ErrNoDecoder = errors.New("the model has no decoder (multimodal_cfg): captions are written by CoCa models, such as coca_ViT-B-32")

// Of returns the model as a captioner, which shares its memory. For a model without a decoder it returns ErrNoDecoder.
func Of(m *model.Model) (Captioner, error) {
	if m.Decoder() == nil {
		return Captioner{}, ErrNoDecoder
	}
	return Captioner{m}, nil
}

// Hidden maps the text tower's tokens [n, L, D] and the pictures' tokens to the decoder's outputs [n, L-1, D]: row i predicts token
// i+1.
func (c Captioner) Hidden(words, pictures *torch.Tensor, mode nn.Mode) *torch.Tensor {
	return c.Decoder().Hidden(words.Narrow(1, 0, words.Shape()[1]-1), pictures, mode)
}

// Loss is the cross-entropy of the captions' tokens, n captions of l ids each, given the output of Hidden. Padding, id 0, does not
// count. Logits, which are most of the work, are computed for the other rows only.
func (c Captioner) Loss(hidden *torch.Tensor, ids []int32, loss losses.CrossEntropy) *torch.Tensor {
	rows, labels := chosen(hidden, ids)
	return loss.OfVocabulary(rows, c.Decoder().Words(rows), labels)
}

// Read computes the decoder's output rows that predict a token [R, D] for a part of a batch, caption after caption, and returns
// them with those tokens. Decoder().Logits maps rows to logits.
func (c Captioner) Read(s *torch.Scope, p model.Part) (rows *torch.Tensor, labels []int64) {
	picture, words := c.EncodeImageTokens(s, p.Pixels, p.N, p.Mode), c.EncodeTextTokens(s, p.IDs, p.N, p.Mode)
	return chosen(c.Hidden(words.Tokens, picture.Tokens, p.Mode), p.IDs)
}

// chosen selects the rows of Hidden that predict a token, padding excluded, and returns them with those tokens.
func chosen(hidden *torch.Tensor, ids []int32) (rows *torch.Tensor, labels []int64) {
	shape := hidden.Shape()
	at, labels := nextTokens(ids, shape[1]+1)
	return hidden.Reshape(-1, shape[2]).Rows(torch.From(hidden.Scope(), at, len(at)).OnDevice(hidden.Device())), labels
}

// padding is the id behind the end of a caption.
const padding = 0

// nextTokens lists the rows of Hidden that predict a token, and those tokens, for captions of l ids each.
func nextTokens(ids []int32, l int) (rows, tokens []int64) { return losses.NextTokens(ids, l, padding) }

// Likelihood is the sum of -log P of the tokens of n captions, padded rows of equal length, given their pictures, uint8
// [n, S, S, 3], and how many tokens those are: exp(sum/tokens) is the perplexity.
func (c Captioner) Likelihood(ctx context.Context, pixels []uint8, ids []int32, n int) (sum float64, tokens int, err error) {
	err = torch.Do(ctx, func(s *torch.Scope) error {
		mode := nn.Mode{DType: c.DType()}
		picture, words := c.EncodeImageTokens(s, pixels, n, mode), c.EncodeTextTokens(s, ids, n, mode)
		_, labels := nextTokens(ids, len(ids)/n)
		tokens = len(labels)
		sum = c.Loss(c.Hidden(words.Tokens, picture.Tokens, mode), ids, losses.CrossEntropy{}).Item() * float64(tokens)
		return nil
	})
	return sum, tokens, err
}
