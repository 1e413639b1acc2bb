package pretrained

import (
	"bytes"
	"clipgo/datasets"
	"clipgo/vision/preprocess"
	"context"
	"image/png"
)

// Thumbnail is a sample's picture as the model sees it, as PNG.
func (m *Embedder) Thumbnail(src datasets.Source, index int) ([]byte, error) {
	p, err := src.Picture(context.Background(), index)
	if err != nil {
		return nil, err
	}
	size := m.Settings.Preprocess.Size
	rgb := make([]uint8, size*size*3)
	if err := m.Pixels(rgb, p, 0); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = png.Encode(&b, preprocess.Opaque(rgb, size, size))
	return b.Bytes(), err
}
