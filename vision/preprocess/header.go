package preprocess

import "clipgo/internal/jpeg"

// Header is what an image file says of its picture before the pixels.
type Header struct {
	Format        string  // jpeg, png, gif, webp, tiff or bmp
	Mode          string  // Pillow's name for the kind of pixel: 1, L, LA, P, RGB, RGBA, CMYK or I;16
	Width, Height int     // as stored
	Bits          int     // of a sample
	Alpha         bool    // pixels may be transparent
	Orientation   int     // EXIF's, 1 to 8
	Profile       Profile // zero if the file has none
}

// modeNames are Pillow's names of the modes.
var modeNames = [...]string{grey: "L", greyAlpha: "LA", rgb: "RGB", rgba: "RGBA", cmyk: "CMYK", indexed: "P", bilevel: "1", grey16: "I;16"}

// ReadHeader reads the header of an image file, of which the beginning is enough, except of a TIFF. It is an error if the part is too
// short, if the file is no picture, or if Decode would refuse the size.
func ReadHeader(file []byte, limits Limits) (h Header, err error) {
	f, ok := formatOf(file)
	if !ok {
		return h, unread(file)
	}
	m := grey
	h = Header{Format: f.name, Bits: 8, Orientation: orientationOf(f.exif(file)), Profile: readProfile(f.profile(file))}
	switch f.name {
	case "jpeg":
		var channels int
		if h.Width, h.Height, channels, err = jpeg.Header(file); err == nil {
			m = channelModes[channels]
		}
	case "png":
		m, err = h.png(file)
	case "gif":
		m, err = h.gif(file)
	case "webp":
		m, err = h.webp(file)
	case "tiff":
		m, err = h.tiff(file)
	default:
		b := &bmpFile{file: file}
		if err = b.read(); err == nil {
			err = b.layout()
		}
		h.Width, h.Height, m = b.width, b.height, b.mode()
	}
	if err != nil {
		return h, err
	}
	h.Mode = modeNames[m]
	h.Alpha = h.Alpha || m == rgba || m == greyAlpha
	if m == bilevel {
		h.Bits = 1
	}
	return h, limits.checkSize(h.Width, h.Height)
}

func (h *Header) png(file []byte) (mode, error) {
	p, err := readPNGHeader(file)
	if err == nil {
		_, err = p.readChunks(file)
	}
	h.Width, h.Height, h.Bits, h.Alpha = p.width, p.height, max(p.depth, 8), p.key != nil || p.alphas != nil
	return p.mode(), err
}

func (h *Header) gif(file []byte) (mode, error) {
	if len(file) < 13 {
		return indexed, errGIF
	}
	g := newGIF(file)
	err := g.read(file)
	h.Width, h.Height, h.Alpha = g.width, g.height, g.transparent >= 0
	if greyRamp(g.colors) {
		return grey, err
	}
	return indexed, err
}

// webp takes the size of the canvas, where there is one. Whether the file is whole is found out when it is decoded.
func (h *Header) webp(file []byte) (mode, error) {
	var w webpHeader
	for kind, chunk := range riffChunks(file) {
		if kind == "VP8X" && len(chunk.body) == 10 {
			h.Width, h.Height = 1+uint24(chunk.body[4:]), 1+uint24(chunk.body[7:])
			w.alpha = chunk.body[0]&webpHasAlpha != 0
			break
		}
		if w.readData(kind, chunk.body) {
			h.Width, h.Height = w.width, w.height
			break
		}
	}
	switch {
	case h.Width == 0:
		return rgb, errWebP
	case w.alpha:
		return rgba, nil
	}
	return rgb, nil
}

func (h *Header) tiff(file []byte) (mode, error) {
	t, err := readTIFF(file)
	if err != nil {
		return rgb, err
	}
	h.Width, h.Height = t.width, t.height
	if err := t.layout(); err != nil {
		return rgb, err
	}
	h.Bits, h.Orientation = max(t.bits, 8), max(t.value(tagOrientation, 1), 1)
	return t.mode()
}
