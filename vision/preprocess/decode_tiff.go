package preprocess

import "fmt"

// decodeTIFF decodes the first page row by row. The picture is turned upright whatever the config says, as Pillow does with TIFF alone.
func decodeTIFF(file []byte, d *decoding) (*Image, error) {
	t, err := readTIFF(file)
	if err != nil {
		return nil, err
	}
	if err := d.checkSize(t.width, t.height); err != nil {
		return nil, err
	}
	if err := t.layout(); err != nil {
		return nil, err
	}
	m, err := t.mode()
	if err != nil {
		return nil, err
	}
	planes, _ := t.planes()
	stored := t.rowBytes() * t.across() * planes
	if stored*t.height/tiffRatios[t.compression] > len(file) {
		return nil, fmt.Errorf("tiff: %d bytes can't hold %d x %d pixels: the file is truncated", len(file), t.width, t.height)
	}
	need := t.width*t.height*d.pixelBytes(m) + 4*stored
	if t.tiled || t.compression == tiffJPEG {
		need += 4 * stored * t.blockHeight
	}
	turn := t.value(tagOrientation, 1)
	if turn > 1 {
		need += t.width * t.height * d.pixelBytes(m)
	}
	d.reserve(need)
	out := d.canvas(m, t.width, t.height, t.palette(), nil)
	line := make([]uint8, t.width*m.bytes())
	if err := t.read(func(y int, row []uint8) {
		t.convert(line, row, m)
		out.row(y, line)
	}); err != nil {
		return nil, err
	}
	im := out.im
	im.raster = oriented(im.raster, turn, d.memory)
	im.reduced = reduced{im.width, im.height, 1}
	return im, nil
}

// The values of tagExtra.
const (
	tiffUnspecified, tiffPremultiplied, tiffStraight, tiffCorel = 0, 1, 2, 999
)

// mode is Pillow's mode for the file, an error where Pillow has none.
func (t *tiffFile) mode() (mode, error) {
	alpha := t.extra == tiffStraight || t.extra == tiffPremultiplied || t.extra == tiffCorel
	switch p := t.photometric; {
	case p == tiffPalette && t.samples == 1 && t.bits <= 8 && t.palette() != nil:
		return indexed, nil
	case (p == tiffBlackIsZero || p == tiffWhiteIsZero) && t.samples == 1:
		switch {
		case t.bits == 1:
			return bilevel, nil
		case t.bits < 16:
			return grey, nil
		case p == tiffBlackIsZero || t.file[0] == 'I':
			return grey16, nil
		}
	case p == tiffBlackIsZero && t.samples == 2 && t.bits == 8 && t.extra == tiffStraight:
		return greyAlpha, nil
	case p == tiffBlackIsZero && t.samples == 2 && t.bits == 8 && t.extra == tiffUnspecified:
		return grey, nil
	case p == tiffRGB && t.samples >= 4 && (alpha || t.extra < 0 && t.samples == 4) && t.bits >= 8:
		return rgba, nil
	case p == tiffRGB && t.samples >= 3 && (t.samples == 3 || t.extra == tiffUnspecified) && t.bits >= 8:
		return rgb, nil
	case p == tiffYCbCr && t.samples == 3 && t.compression == tiffJPEG && !t.separate:
		return rgb, nil
	case p == tiffCMYK && t.samples >= 4 && t.bits >= 8 && t.compression != tiffJPEG:
		return cmyk, nil
	}
	return 0, fmt.Errorf("tiff: unsupported: %d samples of %d bits, photometric interpretation %d, extra samples of kind %d", t.samples,
		t.bits, t.photometric, t.extra)
}

// palette is [256, 3]; nil if there is none.
func (t *tiffFile) palette() []uint8 {
	values := t.values(tagColors)
	n := len(values) / 3
	if t.photometric != tiffPalette || n == 0 || n > 256 || len(values)%3 != 0 {
		return nil
	}
	out := make([]uint8, 256*3)
	for i, v := range values {
		out[i%n*3+i/n] = uint8(v >> 8)
	}
	return out
}

// convert makes pixels of mode m of a stored row.
func (t *tiffFile) convert(line, row []uint8, m mode) {
	size := max(t.bits/8, 1)
	switch {
	case t.bits < 8:
		t.unpack(line, row)
	case m == grey16:
		for i := 0; i < len(line); i += 2 {
			line[i], line[i+1] = row[i+1], row[i]
		}
	default:
		n := m.bytes()
		for c := range n {
			at := c * size
			for i := c; i < len(line); i += n {
				line[i] = row[at] // of 16 bits the high byte
				at += t.samples * size
			}
		}
		if t.extra == tiffPremultiplied && m == rgba {
			straighten(line)
		}
		if t.photometric == tiffWhiteIsZero && m == grey {
			invert(line)
		}
	}
}

// unpack spreads samples of 1, 2 or 4 bits.
func (t *tiffFile) unpack(line, row []uint8) {
	scale, mask := uint8(1), uint8(1)<<t.bits-1
	if t.photometric != tiffPalette {
		scale = 255 / mask
	}
	perByte := 8 / t.bits
	for x := range line {
		shift := 8 - t.bits*(1+x%perByte)
		line[x] = row[x/perByte] >> shift & mask * scale
	}
	if t.photometric == tiffWhiteIsZero {
		invert(line)
	}
}

func invert(line []uint8) {
	for i, v := range line {
		line[i] = ^v
	}
}

// straighten divides colours by alpha, as Pillow does when it reads premultiplied ones; with alpha 0 they become black.
func straighten(line []uint8) {
	for i := 0; i+3 < len(line); i += 4 {
		alpha := int(line[i+3])
		for c := range 3 {
			switch alpha {
			case 0:
				line[i+c] = 0
			case 255:
			default:
				line[i+c] = uint8(min(255*int(line[i+c])/alpha, 255))
			}
		}
	}
}
