package model

import (
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/text"
	"clipgo/vision"
)

// Encoded is what a tower with a decoder behind it gives of a batch.
type Encoded struct {
	Features *torch.Tensor // [n, E], unit rows
	Tokens   *torch.Tensor // [n, M, E] of pictures, [n, L, D] of captions
}

// Decoder is the model's decoder; nil where the config has none.
func (m *Model) Decoder() *text.Decoder { return m.decoder }

// EncodeImageTokens is EncodeImages of a model with a decoder.
func (m *Model) EncodeImageTokens(s *torch.Scope, pixels []uint8, n int, mode nn.Mode) Encoded {
	images := torch.Pixels(s, pixels, n, m.Preprocess.Mean, m.Preprocess.Std, m.device)
	return m.ReadImages(images, mode)
}

// ReadImages is EncodeImageTokens of pictures that are normalized already, [n, 3, S, S].
func (m *Model) ReadImages(images *torch.Tensor, mode nn.Mode) Encoded {
	features, tokens := m.image.(*vision.ViT).ForwardTokens(images, mode)
	return Encoded{unit(features), tokens}
}

// EncodeTextTokens is EncodeTokens of a model with a decoder.
func (m *Model) EncodeTextTokens(s *torch.Scope, ids []int32, n int, mode nn.Mode) Encoded {
	features, tokens := m.text.ForwardTokens(s, ids, n, mode)
	return Encoded{unit(features), tokens}
}

// ExtendText is the tokens of EncodeTextTokens for n captions' ids that follow p others, known by their keys and values.
func (m *Model) ExtendText(s *torch.Scope, ids []int32, n, p int, past []nn.KV) (tokensBLD *torch.Tensor, now []nn.KV) {
	return m.text.Extend(s, ids, n, p, past, m.Mode())
}
