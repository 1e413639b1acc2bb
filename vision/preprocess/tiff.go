package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

func isTIFF(file []byte) bool {
	return bytes.HasPrefix(file, []byte("II\x2A\x00")) || bytes.HasPrefix(file, []byte("MM\x00\x2A"))
}

// The tags of TIFF 6.0 and its supplements that matter here.
const (
	tagSubfileType, tagWidth, tagHeight, tagBits, tagCompression, tagPhotometric = 254, 256, 257, 258, 259, 262
	tagFillOrder, tagStrips, tagOrientation, tagSamples, tagRowsPerStrip         = 266, 273, 274, 277, 278
	tagStripBytes, tagPlanar, tagFaxOptions, tagPredictor, tagColors             = 279, 284, 292, 317, 320
	tagTileWidth, tagTileHeight, tagTiles, tagTileBytes, tagSubfiles             = 322, 323, 324, 325, 330
	tagExtra, tagFormat, tagJPEGTables, tagDNG                                   = 338, 339, 347, 50706
)

// The values of tagPhotometric and tagCompression that matter here.
const (
	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette, tiffCMYK, tiffYCbCr = 0, 1, 2, 3, 5, 6

	tiffRaw, tiffFax3, tiffFax4, tiffLZW, tiffJPEG, tiffDeflate, tiffPackBits = 1, 3, 4, 5, 7, 8, 32773
	tiffOldDeflate                                                            = 32946
)

// tiffNeeds are fields without which pixels would be read with the wrong layout. A missing one has a default, a damaged one has none.
var tiffNeeds = []int{tagWidth, tagHeight, tagBits, tagCompression, tagPhotometric, tagFillOrder, tagStrips, tagSamples, tagRowsPerStrip,
	tagPlanar, tagPredictor, tagTileWidth, tagTileHeight, tagTiles}

// tiffRatios are the maximal numbers of bytes to which a byte is expanded.
var tiffRatios = map[int]int{tiffRaw: 1, tiffFax3: 1 << 16, tiffFax4: 1 << 16, tiffLZW: 4096, tiffJPEG: 1 << 16, tiffDeflate: deflateRatio,
	tiffOldDeflate: deflateRatio, tiffPackBits: 64}

// tiffFile is the first page of a TIFF file.
type tiffFile struct {
	file                              []byte
	order                             binary.ByteOrder
	fields                            map[int][]byte // entries of 12 bytes
	width, height                     int
	photometric, bits, samples, extra int // extra: kind of the first sample beyond the colour; -1: none
	compression, predictor            int
	separate                          bool // each sample in a plane of its own
	reversed                          bool // the first pixel is in the lowest bit
	tiled                             bool
	blockWidth, blockHeight           int
	starts, sizes                     []int // of the blocks
}

// readTIFF reads the directory of the first page.
func readTIFF(file []byte) (*tiffFile, error) {
	t := &tiffFile{file: file, order: binary.LittleEndian, fields: map[int][]byte{}}
	if file[0] == 'M' {
		t.order = binary.BigEndian
	}
	if len(file) < 8 {
		return nil, errTIFFEnds
	}
	at := int64(t.order.Uint32(file[4:]))
	if at+2 > int64(len(file)) {
		return nil, errTIFFEnds
	}
	n := int64(t.order.Uint16(file[at:]))
	if at+2+12*n > int64(len(file)) {
		return nil, errTIFFEnds
	}
	for i := range n {
		entry := file[at+2+12*i:][:12]
		t.fields[int(t.order.Uint16(entry))] = entry
	}
	if err := t.refuseRAW(); err != nil {
		return nil, err
	}
	for _, tag := range tiffNeeds {
		if t.fields[tag] != nil && len(t.values(tag)) == 0 {
			return nil, fmt.Errorf("tiff: corrupt: field %d has no values in the file", tag)
		}
	}
	t.width, t.height = t.value(tagWidth, 0), t.value(tagHeight, 0)
	return t, nil
}

var errTIFFEnds = errors.New("tiff: truncated: the file ends before its directory or its pixels")

// refuseRAW recognizes the photographs of cameras: TIFF files whose first page is a small preview, or that only look like pictures.
func (t *tiffFile) refuseRAW() error {
	name := ""
	switch {
	case len(t.file) > 10 && string(t.file[8:10]) == "CR":
		name = "Canon RAW (CR2)"
	case t.fields[tagDNG] != nil:
		name = "RAW (DNG)"
	case t.fields[tagSubfiles] != nil && t.value(tagSubfileType, 0) == 1:
		name = "a camera's RAW format (such as NEF or ARW)"
	default:
		return nil
	}
	return fmt.Errorf("%s isn't read; %s", name, toRAW)
}

// values are a field's whole numbers; nil if it is missing or damaged.
func (t *tiffFile) values(tag int) []int {
	e := t.fields[tag]
	if e == nil {
		return nil
	}
	size := map[uint16]int64{1: 1, 3: 2, 4: 4, 7: 1}[t.order.Uint16(e[2:])]
	n := int64(t.order.Uint32(e[4:]))
	data := e[8:12]
	if size == 0 {
		return nil
	}
	if n*size > 4 {
		at := int64(t.order.Uint32(e[8:]))
		if at+n*size > int64(len(t.file)) {
			return nil
		}
		data = t.file[at : at+n*size]
	}
	out := make([]int, n)
	for i := range out {
		switch at := data[int64(i)*size:]; size {
		case 1:
			out[i] = int(at[0])
		case 2:
			out[i] = int(t.order.Uint16(at))
		default:
			out[i] = int(t.order.Uint32(at))
		}
	}
	return out
}

func (t *tiffFile) value(tag, otherwise int) int {
	if v := t.values(tag); len(v) > 0 {
		return v[0]
	}
	return otherwise
}

// layout reads how pixels are stored.
func (t *tiffFile) layout() error {
	t.photometric, t.compression = t.value(tagPhotometric, 0), t.value(tagCompression, tiffRaw)
	t.predictor, t.separate = t.value(tagPredictor, 1), t.value(tagPlanar, 1) == 2
	t.reversed = t.value(tagFillOrder, 1) == 2
	depths := t.values(tagBits)
	if len(depths) == 0 {
		depths = []int{1}
	}
	t.bits = depths[0]
	t.samples = t.value(tagSamples, len(depths))
	for _, d := range depths[:min(len(depths), max(t.samples, 1))] {
		if d != t.bits {
			return errors.New("tiff: unsupported: samples of several sizes")
		}
	}
	for _, f := range t.values(tagFormat) {
		if f != 1 {
			return errors.New("tiff: unsupported: samples that are signed or floating-point numbers")
		}
	}
	t.extra = -1
	if extra := t.values(tagExtra); len(extra) > 0 {
		t.extra = extra[0]
	}
	if _, ok := tiffRatios[t.compression]; !ok {
		return fmt.Errorf("tiff: unsupported: compression %d", t.compression)
	}
	if t.predictor > 2 || t.predictor == 2 && t.bits < 8 {
		return fmt.Errorf("tiff: unsupported: predictor %d of %d bits", t.predictor, t.bits)
	}
	fax := t.compression == tiffFax3 || t.compression == tiffFax4
	if t.reversed && t.compression != tiffRaw && !fax || fax && (t.bits != 1 || t.samples != 1) {
		return errors.New("tiff: unsupported: a bit order or sample size that its compression doesn't have")
	}
	if t.samples < 1 || t.samples > 8 || !slices.Contains([]int{1, 2, 4, 8, 16}, t.bits) || t.bits < 8 && t.samples > 1 {
		return fmt.Errorf("tiff: unsupported: %d samples of %d bits", t.samples, t.bits)
	}
	return t.blocks()
}

// blocks reads the sizes of strips or tiles.
func (t *tiffFile) blocks() error {
	t.tiled = t.fields[tagTileWidth] != nil
	t.blockWidth, t.blockHeight = t.width, min(max(t.value(tagRowsPerStrip, t.height), 1), t.height)
	t.starts, t.sizes = t.values(tagStrips), t.values(tagStripBytes)
	if t.tiled {
		t.blockWidth, t.blockHeight = t.value(tagTileWidth, 0), t.value(tagTileHeight, 0)
		t.starts, t.sizes = t.values(tagTiles), t.values(tagTileBytes)
	}
	if t.blockWidth < 1 || t.blockHeight < 1 || t.blockWidth > max(t.width, 4096) || t.blockHeight > max(t.height, 4096) {
		return fmt.Errorf("tiff: tiles of %d x %d pixels", t.blockWidth, t.blockHeight)
	}
	return nil
}

func (t *tiffFile) across() int { return (t.width + t.blockWidth - 1) / t.blockWidth }
func (t *tiffFile) down() int   { return (t.height + t.blockHeight - 1) / t.blockHeight }

// planes is the number of planes, and of samples in each.
func (t *tiffFile) planes() (planes, samples int) {
	if t.separate && t.samples > 1 {
		return t.samples, 1
	}
	return 1, t.samples
}

// rowBytes is the size of a block's row.
func (t *tiffFile) rowBytes() int {
	_, samples := t.planes()
	return (t.blockWidth*samples*t.bits + 7) / 8
}
