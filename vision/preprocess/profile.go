package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Profile describes the ICC profile in a file. Decoding ignores profiles, as open_clip does.
type Profile struct {
	Space string // of its colours: RGB, CMYK, GRAY, Lab
	Name  string // as the profile describes itself
}

// profileLimit bounds what is read of a profile, in bytes. The description is near its beginning.
const profileLimit = 1 << 20

// readProfile reads a profile's header and description.
func readProfile(icc []byte) (p Profile) {
	const header, entry = 132, 12
	if len(icc) < header || string(icc[36:40]) != "acsp" {
		return p
	}
	p.Space = strings.TrimSpace(printable(string(icc[16:20])))
	for i := range min(binary.BigEndian.Uint32(icc[128:]), 100) {
		at := header + entry*int(i)
		if at+entry > len(icc) {
			return p
		}
		from, size := int64(binary.BigEndian.Uint32(icc[at+4:])), int64(binary.BigEndian.Uint32(icc[at+8:]))
		if string(icc[at:at+4]) == "desc" && from+size <= int64(len(icc)) {
			p.Name = description(icc[from : from+size])
			return p
		}
	}
	return p
}

// description is the text of a desc tag, of version 2 or 4.
func description(tag []byte) string {
	if len(tag) < 12 {
		return ""
	}
	n := int64(binary.BigEndian.Uint32(tag[8:]))
	switch string(tag[:4]) {
	case "desc":
		return printable(string(tag[12:min(12+n, int64(len(tag)))]))
	case "mluc":
		if len(tag) < 28 {
			return ""
		}
		size, at := int64(binary.BigEndian.Uint32(tag[20:])), int64(binary.BigEndian.Uint32(tag[24:]))
		if at+size > int64(len(tag)) {
			return ""
		}
		units := make([]uint16, min(size, 2*nameLimit)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(tag[at+2*int64(i):])
		}
		return printable(string(utf16.Decode(units)))
	}
	return ""
}

// nameLimit is the number of characters that are kept of a name.
const nameLimit = 60

// printable keeps the printable characters of a name.
func printable(s string) string {
	kept := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return -1
	}, s[:min(len(s), 4*nameLimit)]))
	return strings.TrimSpace(string(kept[:min(len(kept), nameLimit)]))
}

// profileOfJPEG returns the first part of the profile.
func profileOfJPEG(file []byte) []byte {
	const app2 = 0xE2
	const magic = "ICC_PROFILE\x00"
	body := segmentOfJPEG(file, app2, magic)
	if len(body) < 2 {
		return nil
	}
	return body[2:] // number and count of the parts
}

// profileOfPNG unpacks the profile. The chunk sRGB says in a byte what a profile would.
func profileOfPNG(file []byte) []byte {
	body := chunkOfPNG(file, "iCCP")
	_, packed, found := bytes.Cut(body, []byte{0})
	if !found || len(packed) < 2 {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(packed[1:])) // the byte before is the method
	if err != nil {
		return nil
	}
	icc, _ := io.ReadAll(io.LimitReader(r, profileLimit)) // what can't be unpacked is no profile
	return icc
}

func profileOfWebP(file []byte) []byte {
	for kind, chunk := range riffChunks(file) {
		if kind == "ICCP" {
			return chunk.body
		}
	}
	return nil
}

func profileOfTIFF(file []byte) []byte {
	const tagProfile = 34675
	t, err := readTIFF(file)
	if err != nil {
		return nil
	}
	values := t.values(tagProfile)
	icc := make([]byte, min(len(values), profileLimit))
	for i := range icc {
		icc[i] = byte(values[i])
	}
	return icc
}
