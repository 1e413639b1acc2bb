package preprocess

import (
	"bytes"
	"fmt"
	"slices"
)

// unreadFormat is a format that is recognized and not decoded.
type unreadFormat struct {
	name   string
	magics []string // at offset 0
	way    string   // out
}

const (
	toJPEG = "convert it with ImageMagick: magick FILE FILE.jpg"
	toRAW  = "develop it to JPEG or TIFF, with darktable-cli or dcraw for example"
)

// unreadFormats are tried in order.
var unreadFormats = []unreadFormat{
	{"JPEG XL", []string{"\xFF\x0A", "\x00\x00\x00\x0CJXL \r\n\x87\n"}, "convert it with djxl FILE FILE.png"},
	{"JPEG 2000", []string{"\x00\x00\x00\x0CjP  ", "\xFF\x4F\xFF\x51"}, toJPEG},
	{"Fujifilm RAW (RAF)", []string{"FUJIFILMCCD-RAW"}, toRAW},
	{"Panasonic RAW (RW2)", []string{"IIU\x00"}, toRAW},
	{"Olympus RAW (ORF)", []string{"IIRO", "IIRS", "MMOR"}, toRAW},
	{"PDF", []string{"%PDF-"}, "render its pages with pdftoppm -png FILE PAGE"},
	{"ICO", []string{"\x00\x00\x01\x00", "\x00\x00\x02\x00"}, toJPEG},
	{"PPM", []string{"P1\n", "P2\n", "P3\n", "P4\n", "P5\n", "P6\n", "P7\n", "P5 ", "P6 "}, toJPEG},
	{"Photoshop (PSD)", []string{"8BPS"}, toJPEG},
	{"OpenEXR", []string{"\x76\x2F\x31\x01"}, toJPEG},
	{"Radiance (HDR)", []string{"#?RADIANCE", "#?RGBE"}, toJPEG},
	{"GIMP (XCF)", []string{"gimp xcf"}, toJPEG},
	{"BigTIFF", []string{"II+\x00", "MM\x00+"}, "convert it with tiffcp -4 or to another format"},
	{"Windows Metafile", []string{"\xD7\xCD\xC6\x9A"}, toJPEG},
	{"gzip", []string{"\x1F\x8B"}, "unpack it"},
	{"ZIP", []string{"PK\x03\x04"}, "unpack it"},
}

// brands are the kinds of ISO base media files, by the brand behind "ftyp".
var brands = []struct {
	name, way string
	brands    []string
}{
	{"AVIF", "convert it with avifdec FILE FILE.png", []string{"avif", "avis"}},
	{"HEIC", "convert it with heif-convert FILE FILE.jpg", []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}},
	{"Canon RAW (CR3)", toRAW, []string{"crx "}},
}

// unread is the error for a file that is in none of the formats.
func unread(file []byte) error {
	if len(file) == 0 {
		return fmt.Errorf("the file is empty")
	}
	if name, way := nameUnread(file); name != "" {
		return fmt.Errorf("%s isn't read; %s", name, way)
	}
	return fmt.Errorf("not a JPEG, PNG, GIF, WebP, TIFF or BMP file: it begins with %s", beginning(file))
}

func nameUnread(file []byte) (name, way string) {
	if len(file) >= 12 && string(file[4:8]) == "ftyp" {
		return nameMedia(file)
	}
	for _, f := range unreadFormats {
		for _, magic := range f.magics {
			if bytes.HasPrefix(file, []byte(magic)) {
				return f.name, f.way
			}
		}
	}
	head := bytes.ToLower(bytes.TrimLeft(file[:min(1024, len(file))], "\xEF\xBB\xBF \t\r\n"))
	switch {
	case !bytes.HasPrefix(head, []byte("<")):
		return "", ""
	case bytes.Contains(head, []byte("<svg")):
		return "SVG", "render it with rsvg-convert -o FILE.png FILE"
	case bytes.Contains(head, []byte("<html")) || bytes.HasPrefix(head, []byte("<!doctype html")):
		return "an HTML page, which", "it may be the error page of a download"
	}
	return "", ""
}

// nameMedia looks at the main brand, and for general ones at the compatible brands.
func nameMedia(file []byte) (name, way string) {
	size := int(file[0])<<24 | int(file[1])<<16 | int(file[2])<<8 | int(file[3])
	box := file[8:min(max(size, 12), len(file), 256)]
	for at := 0; at+4 <= len(box); at += 4 {
		for _, b := range brands {
			general := string(box[:4]) == "mif1" || string(box[:4]) == "msf1"
			if at != 4 && slices.Contains(b.brands, string(box[at:at+4])) && !(general && at == 0) {
				return b.name, b.way
			}
		}
	}
	if string(box[:4]) == "mif1" || string(box[:4]) == "msf1" {
		return "HEIC", brands[1].way
	}
	return "a video (MP4 or QuickTime)", "extract pictures with ffmpeg -i FILE %04d.jpg"
}
