package preprocess

import (
	"bytes"
	"fmt"

	"clipgo/internal/jpeg"
)

// Decode decodes an image file: JPEG, PNG, WebP or GIF, of an animation the first frame. The format is told by its first
// bytes and not by a name. The error is a *RefusedError where the file or the picture is larger than the limits; a
// truncated or damaged file is an error as well. No memory is taken for pixels that the limits or the file's own length
// rule out.
func Decode(file []byte, limits Limits) (im *Image, err error) {
	if err := limits.checkBytes(len(file)); err != nil {
		return nil, err
	}
	f, ok := formatOf(file)
	if !ok {
		return nil, fmt.Errorf("not a JPEG, PNG, GIF or WebP file: it begins with %.16q", file[:min(16, len(file))])
	}
	defer func() {
		if r := recover(); r != nil { // the decoders are others' and the file may be anything
			im, err = nil, fmt.Errorf("%s: the decoder panicked: %v", f.name, r)
		}
	}()
	im, err = f.decode(file, limits)
	if err != nil {
		return nil, err
	}
	im.orientation = orientationOf(f.exif(file))
	return im, nil
}

type format struct {
	name   string
	decode func(file []byte, limits Limits) (*Image, error)
	exif   func(file []byte) (tiff []byte) // nil where there is none
}

func formatOf(file []byte) (format, bool) {
	begins := func(magic string) bool { return bytes.HasPrefix(file, []byte(magic)) }
	switch {
	case begins("\xFF\xD8\xFF"):
		return format{"jpeg", decodeJPEG, exifOfJPEG}, true
	case begins(pngMagic):
		return format{"png", decodePNG, exifOfPNG}, true
	case begins("GIF87a"), begins("GIF89a"):
		return format{"gif", decodeGIF, func([]byte) []byte { return nil }}, true
	case begins("RIFF") && len(file) >= 12 && string(file[8:12]) == "WEBP":
		return format{"webp", decodeWebP, exifOfWebP}, true
	}
	return format{}, false
}

func decodeJPEG(file []byte, limits Limits) (*Image, error) {
	width, height, err := jpeg.Size(file)
	if err != nil {
		return nil, err
	}
	if err := limits.checkSize(width, height); err != nil {
		return nil, err
	}
	p, err := jpeg.Decode(file)
	if err != nil {
		return nil, err
	}
	m := map[int]mode{1: grey, 3: rgb, 4: cmyk}[p.Channels]
	return newImage(p.Pix, m, p.Width, p.Height), nil
}
