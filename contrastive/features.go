package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// EncodeBatch gives unit features of all pictures and of all captions that a batch holds, [n, E] each, whether one of both
// for each sample or, of preferences, two of one kind.
func (m *Model) EncodeBatch(s *torch.Scope, b *datasets.Batch) (images, texts *torch.Tensor) {
	ids := m.trim(b.IDs, b.ContextLength, b.MaxTokens)
	side := m.Config.Vision.ImageSize
	pictures := len(b.Pixels) / (3 * side * side)
	images = m.EncodeImages(s, b.Pixels, pictures, nn.Mode{DType: m.dtype, DropKeys: dropKeys(b, pictures)})
	return images, m.EncodeTokens(s, ids, len(b.IDs)/b.ContextLength, m.mode())
}

// dropKeys are those of each picture: pictures of one sample lose the same patches.
func dropKeys(b *datasets.Batch, pictures int) []uint64 {
	if b.DropKeys == nil || pictures == b.N {
		return b.DropKeys
	}
	out := make([]uint64, pictures)
	for i := range out {
		out[i] = b.DropKeys[i*b.N/pictures]
	}
	return out
}
