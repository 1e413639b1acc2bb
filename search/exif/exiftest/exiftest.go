// Package exiftest makes EXIF data, for tests only.
package exiftest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"math"
)

// Facts are what the data says. Empty texts are left out, and so is a place of zeros.
type Facts struct {
	Make, Model, Date   string
	Latitude, Longitude float64
}

type entry struct {
	tag, kind uint16
	count     uint32
	data      []byte
}

func ascii(tag uint16, s string) entry {
	return entry{tag, 2, uint32(len(s) + 1), append([]byte(s), 0)}
}

func long(tag uint16, v int) entry {
	return entry{tag, 4, 1, binary.LittleEndian.AppendUint32(nil, uint32(v))}
}

// degrees are degrees, minutes and seconds, each a fraction.
func degrees(tag uint16, v float64) entry {
	v = math.Abs(v)
	minutes := (v - math.Floor(v)) * 60
	seconds := (minutes - math.Floor(minutes)) * 60
	var data []byte
	for _, part := range []float64{math.Floor(v) * 1000, math.Floor(minutes) * 1000, seconds * 1000} {
		data = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(data, uint32(math.Round(part))), 1000)
	}
	return entry{tag, 5, 3, data}
}

// directory writes entries at an offset, and what doesn't fit into them behind.
func directory(at int, entries []entry) []byte {
	out := binary.LittleEndian.AppendUint16(nil, uint16(len(entries)))
	behind := at + 2 + 12*len(entries) + 4
	var rest []byte
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(out, e.tag), e.kind)
		out = binary.LittleEndian.AppendUint32(out, e.count)
		if len(e.data) <= 4 {
			out = append(out, append(e.data, 0, 0, 0, 0)[:4]...)
			continue
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(behind+len(rest)))
		if rest = append(rest, e.data...); len(rest)%2 == 1 {
			rest = append(rest, 0)
		}
	}
	return append(append(out, 0, 0, 0, 0), rest...)
}

// TIFF is the data as a TIFF header and its directories.
func (f Facts) TIFF() []byte {
	var sub, gps, main []entry
	if f.Date != "" {
		sub = append(sub, ascii(0x9003, f.Date))
	}
	if f.Latitude != 0 || f.Longitude != 0 {
		side := func(negative bool, yes, no string) string {
			if negative {
				return yes
			}
			return no
		}
		gps = []entry{ascii(1, side(f.Latitude < 0, "S", "N")), degrees(2, f.Latitude),
			ascii(3, side(f.Longitude < 0, "W", "E")), degrees(4, f.Longitude)}
	}
	for tag, text := range []string{f.Make, f.Model} {
		if text != "" {
			main = append(main, ascii(0x10f+uint16(tag), text))
		}
	}
	const far = 1024 // the first directory and its texts are shorter
	subs := directory(far, sub)
	main = append(main, long(0x8769, far), long(0x8825, far+len(subs)))
	out := append([]byte("II*\x00\x08\x00\x00\x00"), directory(8, main)...)
	out = append(out, make([]byte, far-len(out))...)
	return append(append(out, subs...), directory(far+len(subs), gps)...)
}

// JPEG is a picture of one colour with the data.
func (f Facts) JPEG(width, height int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil) // a buffer takes all
	return WithEXIF(b.Bytes(), f.TIFF())
}

// WithEXIF puts EXIF data into a JPEG file.
func WithEXIF(file, tiff []byte) []byte {
	segment := binary.BigEndian.AppendUint16([]byte("\xff\xe1"), uint16(2+6+len(tiff)))
	segment = append(append(segment, "Exif\x00\x00"...), tiff...)
	return append(append(append([]byte{}, file[:2]...), segment...), file[2:]...)
}
