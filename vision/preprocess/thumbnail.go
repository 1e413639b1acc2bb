package preprocess

import (
	"bytes"
	"image/jpeg"
)

// Thumbnail decodes a file within DefaultLimits and returns a small copy of the upright picture, as Image.Thumbnail does.
func Thumbnail(file []byte, side int) ([]byte, error) {
	how := thumbnailConfig(side)
	rgb := make([]uint8, side*side*3)
	if err := how.ApplyFile(rgb, file); err != nil {
		return nil, err
	}
	return encodeThumbnail(rgb, side)
}

// Thumbnail is a small copy of a picture as JPEG: a square of side pixels with the whole picture in it, on white.
func (im *Image) Thumbnail(side int) ([]byte, error) {
	rgb := make([]uint8, side*side*3)
	if err := thumbnailConfig(side).Apply(rgb, im); err != nil {
		return nil, err
	}
	return encodeThumbnail(rgb, side)
}

func thumbnailConfig(side int) Config {
	const white = 255
	how := Default()
	how.Size, how.ResizeMode, how.FillColor, how.Orientation, how.Draft = side, "longest", white, OrientationApply, true
	return how
}

func encodeThumbnail(rgb []uint8, side int) ([]byte, error) {
	const quality = 82
	var b bytes.Buffer
	err := jpeg.Encode(&b, Opaque(rgb, side, side), &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
