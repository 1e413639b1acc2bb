package preprocess

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// pillowLine is a line of index.jsonl: a picture file, and what Pillow makes of it.
type pillowLine struct {
	File, Kind, Error string
	Width, Height     int
	SHA256            string
	OnOrange          string `json:"on_ff8000_sha256"` // of a transparent picture
}

// Pictures of every kind that testdata/golden/make/pictures.py makes: what Pillow opens whole is opened whole, with the same pixels.
func TestGoldenPictures(t *testing.T) {
	comparePictures(t, golden.Dir(t, "pictures"))
}

// CLIPGO_PICTURES is a folder with many more of them.
func TestPicturesOfAFolder(t *testing.T) {
	dir := os.Getenv("CLIPGO_PICTURES")
	if dir == "" {
		t.Skip("CLIPGO_PICTURES is not set")
	}
	comparePictures(t, dir)
}

// pillowsAlpha are kinds whose alpha Pillow reads otherwise: it compares PNG's transparent colour, which has the file's depth, with samples
// that it has brought to 8 bits, and of compressed planes of TIFF reads the grey one alone.
var pillowsAlpha = regexp.MustCompile(`^png color [02] depth (2|4|16)\b.* tRNS|^tiff own .* photometric 1 samples 2 .* planes`)

func comparePictures(t *testing.T, dir string) {
	var same, refused, wider, ours int
	for _, l := range golden.Lines[pillowLine](t, filepath.Join(dir, "index.jsonl")) {
		file, err := os.ReadFile(filepath.Join(dir, l.File))
		if err != nil {
			t.Fatal(err)
		}
		im, err := Decode(file, DefaultLimits())
		switch {
		case l.Error != "" && err != nil:
			refused++
		case l.Error != "":
			wider++
			if os.Getenv("CLIPGO_PICTURES") != "" {
				t.Logf("%s (%s): opened, Pillow says %s", l.File, l.Kind, l.Error)
			}
		case err != nil:
			if unsupportedHere(l) {
				ours++
			} else {
				t.Errorf("%s (%s): %v", l.File, l.Kind, err)
			}
		case im.width != l.Width || im.height != l.Height:
			t.Errorf("%s (%s): %d x %d pixels, want %d x %d", l.File, l.Kind, im.width, im.height, l.Width, l.Height)
		case hexSum(rgbOf(im)) != l.SHA256:
			if !inexactHere(l) {
				t.Errorf("%s (%s): the pixels are not Pillow's", l.File, l.Kind)
			}
		default:
			same++
			if !pillowsAlpha.MatchString(l.Kind) {
				checkTransparency(t, l, file, im)
			}
		}
	}
	t.Logf("%d pictures as Pillow decodes them, %d refused by both, %d refused by Pillow alone, %d here alone", same, refused, wider, ours)
}

// inexactHere: in pure Go JPEG's pixels differ by a level.
func inexactHere(l pillowLine) bool {
	return inexact("x.jpg") && strings.Contains(l.Kind, "jpeg")
}

// unsupportedHere: a JPEG without its end marker is truncated, although Pillow opens a few of them. In pure Go no JPEG with 4 channels and
// no marker of Adobe's is decoded.
func unsupportedHere(l pillowLine) bool {
	whole := !strings.HasPrefix(l.Kind, "jpeg") || !strings.HasSuffix(l.Kind, "without end")
	return !whole || inexact("x.jpg") && strings.Contains(l.Kind, "CMYK")
}

func hexSum(pix []uint8) string {
	sum := sha256.Sum256(pix)
	return hex.EncodeToString(sum[:])
}

// checkTransparency compares the picture on a background, and whether it is transparent at all.
func checkTransparency(t *testing.T, l pillowLine, file []byte, im *Image) {
	t.Helper()
	if im.transparent != (l.OnOrange != "") {
		t.Errorf("%s (%s): transparent is %v", l.File, l.Kind, im.transparent)
	}
	d := decoding{Limits: DefaultLimits(), background: &[3]uint8{255, 128, 0}}
	defer d.release()
	drawn, err := d.decode(file)
	if err != nil {
		t.Errorf("%s (%s): %v", l.File, l.Kind, err)
	} else if l.OnOrange != "" && hexSum(rgbOf(drawn)) != l.OnOrange {
		t.Errorf("%s (%s): on a background the pixels are not Pillow's", l.File, l.Kind)
	}
}
