package preprocess

import (
	"bytes"
	"image"
	"image/jpeg"
)

// Thumbnail decodes a file within DefaultLimits and returns a small copy of the upright picture as JPEG, as Small makes it.
func Thumbnail(file []byte, side int) ([]byte, error) {
	small, err := Small(file, side)
	if err != nil {
		return nil, err
	}
	return encodeThumbnail(small)
}

// Small decodes a file within DefaultLimits and returns a small copy of the upright picture: a square of side pixels with the whole
// picture in it, on white.
func Small(file []byte, side int) (image.Image, error) {
	how := thumbnailConfig(side)
	rgb := make([]uint8, side*side*3)
	if err := how.ApplyFile(rgb, file); err != nil {
		return nil, err
	}
	return Opaque(rgb, side, side), nil
}

// Thumbnail is a small copy of a picture as JPEG: a square of side pixels with the whole picture in it, on white.
func (im *Image) Thumbnail(side int) ([]byte, error) {
	rgb := make([]uint8, side*side*3)
	if err := thumbnailConfig(side).Apply(rgb, im); err != nil {
		return nil, err
	}
	return encodeThumbnail(Opaque(rgb, side, side))
}

func thumbnailConfig(side int) Config {
	const white = 255
	how := Default()
	how.Size, how.ResizeMode, how.FillColor, how.Orientation, how.Draft = side, "longest", white, OrientationApply, true
	how.Background = "white"
	return how
}

func encodeThumbnail(small image.Image) ([]byte, error) {
	const quality = 82
	var b bytes.Buffer
	err := jpeg.Encode(&b, small, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
