package pretrained

import (
	"bytes"
	"clipgo/datasets"
	"context"
	"image"
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
	out := image.NewNRGBA(image.Rect(0, 0, size, size))
	for i := range size * size {
		copy(out.Pix[4*i:], rgb[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	err = png.Encode(&b, out)
	return b.Bytes(), err
}
