// Package emoji holds the pictures of the Noto color emoji font with their Unicode names.
package emoji

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"slices"
	"strings"
	"unicode"

	"eliasnaur.com/font/noto/emoji/color"
	"github.com/go-text/typesetting/font"
	"golang.org/x/text/unicode/runenames"
)

// Width and Height are the size of every picture in pixels.
const (
	Width  = 136
	Height = 128
)

// Emoji is a code point that has a picture.
type Emoji struct {
	Rune rune
	Name string // Unicode's, in lower case: "grinning face"
	png  []byte // a part of the font's data; read-only
}

// All reads the emoji from the font in the order of their code points: the single code points above Latin-1 that have a bitmap and a
// Unicode name. Those in Latin-1 are left out: parts of keycaps (digits, number sign, asterisk), copyright and registered.
func All() ([]Emoji, error) {
	face, err := font.ParseTTF(bytes.NewReader(color.TTF))
	if err != nil {
		return nil, fmt.Errorf("read the emoji font: %w", err)
	}
	var out []Emoji
	for it := face.Cmap.Iter(); it.Next(); {
		r, glyph := it.Char()
		name := runenames.Name(r)
		if r <= unicode.MaxLatin1 || name == "" || name[0] == '<' { // <...> stands for private and control characters
			continue
		}
		if b, ok := face.GlyphDataBitmap(glyph); ok && b.Format == font.PNG {
			out = append(out, Emoji{Rune: r, Name: strings.ToLower(name), png: b.Data})
		}
	}
	slices.SortFunc(out, func(a, b Emoji) int { return int(a.Rune - b.Rune) })
	return out, nil
}

// Checksum identifies the version of the font.
func Checksum() uint32 { return crc32.ChecksumIEEE(color.TTF) }

// HeldOut reports whether the emoji belongs to the tenth that isn't used in training. It depends on the code point alone, so it is the same
// in any font and order.
func (e Emoji) HeldOut() bool {
	h := uint32(e.Rune) * 0x9e3779b1
	h = (h ^ h>>15) * 0x85ebca6b
	return (h^h>>13)%10 == 0
}

// RGB decodes the picture onto white, [Height, Width, 3].
func (e Emoji) RGB() ([]uint8, error) {
	im, err := png.Decode(bytes.NewReader(e.png))
	if err != nil {
		return nil, fmt.Errorf("decode %U: %w", e.Rune, err)
	}
	if size := im.Bounds().Size(); size != image.Pt(Width, Height) {
		return nil, fmt.Errorf("decode %U: it is %d x %d, not %d x %d", e.Rune, size.X, size.Y, Width, Height)
	}
	switch im := im.(type) {
	case *image.Paletted:
		return fromPalette(im), nil
	case *image.NRGBA:
		return fromNRGBA(im), nil
	}
	return nil, fmt.Errorf("decode %U: pixels are %T", e.Rune, im)
}

func fromPalette(im *image.Paletted) []uint8 {
	var table [256][3]uint8
	for i, c := range im.Palette {
		r, g, b, a := c.RGBA() // 16 bits, premultiplied
		for channel, v := range [3]uint32{r, g, b} {
			table[i][channel] = uint8((v + 0xffff - a + 128) / 257)
		}
	}
	out := make([]uint8, 3*Width*Height)
	for i, index := range im.Pix {
		at, c := out[3*i:][:3], &table[index]
		at[0], at[1], at[2] = c[0], c[1], c[2]
	}
	return out
}

func fromNRGBA(im *image.NRGBA) []uint8 {
	out := make([]uint8, 3*Width*Height)
	for i := range Width * Height {
		alpha := int(im.Pix[4*i+3])
		for channel := range 3 {
			out[3*i+channel] = uint8((int(im.Pix[4*i+channel])*alpha + 255*(255-alpha) + 127) / 255)
		}
	}
	return out
}
