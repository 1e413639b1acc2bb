package preprocess

import (
	"bytes"
	"encoding/binary"
)

// orientationOf reads the orientation from EXIF's TIFF block: 1 to 8, and 1 if it is missing or invalid.
func orientationOf(tiff []byte) int {
	const upright, tag, short, entry = 1, 0x0112, 3, 12
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(tiff, []byte("MM\x00\x2A")):
		order = binary.BigEndian
	case !bytes.HasPrefix(tiff, []byte("II\x2A\x00")):
		return upright
	}
	if len(tiff) < 8 {
		return upright
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return upright
	}
	count := int(order.Uint16(tiff[at:]))
	entries := tiff[at+2:]
	for range min(count, len(entries)/entry) {
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return upright
		}
		entries = entries[entry:]
	}
	return upright
}

const exifMagic = "Exif\x00\x00"

// exifOfJPEG returns the first EXIF segment before the pixels.
func exifOfJPEG(file []byte) []byte {
	const app1 = 0xE1
	return segmentOfJPEG(file, app1, exifMagic)
}

// segmentOfJPEG returns what follows magic in the first segment of a kind before the pixels that begins with it; nil if there is none.
func segmentOfJPEG(file []byte, kind byte, magic string) []byte {
	const scan = 0xDA
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xFF; {
		marker := rest[1]
		if marker == 0xFF { // a fill byte
			rest = rest[1:]
			continue
		}
		size := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if marker == scan || size < 4 || size > len(rest) {
			return nil
		}
		if body := rest[4:size]; marker == kind && bytes.HasPrefix(body, []byte(magic)) {
			return body[len(magic):]
		}
		rest = rest[size:]
	}
	return nil
}

func exifOfPNG(file []byte) []byte { return chunkOfPNG(file, "eXIf") }

// chunkOfPNG returns the content of the first chunk of a kind; nil if there is none.
func chunkOfPNG(file []byte, kind string) []byte {
	for rest := file[len(pngMagic):]; len(rest) >= 12; {
		size := int64(binary.BigEndian.Uint32(rest)) + 12 // length, name, body, checksum
		if size > int64(len(rest)) {
			return nil
		}
		if string(rest[4:8]) == kind {
			return rest[8 : size-4]
		}
		rest = rest[size:]
	}
	return nil
}

func exifOfWebP(file []byte) []byte {
	for kind, chunk := range riffChunks(file) {
		if kind == "EXIF" {
			return bytes.TrimPrefix(chunk.body, []byte(exifMagic)) // some writers keep JPEG's prefix
		}
	}
	return nil
}
