package sheet

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"math"
	"path/filepath"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"clipgo/internal/durable"
	"clipgo/internal/visible"
	"clipgo/search"
)

// The sizes of a contact sheet, in pixels.
const (
	cell  = 240 // side of a picture
	gap   = 12
	label = 22

	// Most is the largest number of hits of a contact sheet: a JPEG has at most 65,535 pixels a side.
	Most = 400
)

// WriteJPEG writes the hits as a contact sheet: small pictures with rank, score and file name.
func WriteJPEG(path string, hits []search.Hit) error {
	if len(hits) > Most {
		return fmt.Errorf("a contact sheet has at most %d pictures, not %d", Most, len(hits))
	}
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return err
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 13, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return err
	}
	across := max(1, int(math.Ceil(math.Sqrt(float64(len(hits))))))
	down := max(1, (len(hits)+across-1)/across)
	sheet := image.NewRGBA(image.Rect(0, 0, across*(cell+gap)+gap, down*(cell+label+gap)+gap))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	write := font.Drawer{Dst: sheet, Src: image.NewUniform(color.Gray{40}), Face: face}
	for i, h := range hits {
		at := image.Pt(gap+i%across*(cell+gap), gap+i/across*(cell+label+gap))
		place := image.Rectangle{Min: at, Max: at.Add(image.Pt(cell, cell))}
		if small, err := Picture(h.Path, cell); err == nil {
			draw.Draw(sheet, place, small, small.Bounds().Min, draw.Src)
		} else {
			draw.Draw(sheet, place, image.NewUniform(color.Gray{230}), image.Point{}, draw.Src)
		}
		write.Dot = fixed.P(at.X, at.Y+cell+label-6)
		write.DrawString(fit(&write, fmt.Sprintf("%d  %.3f  %s", h.Rank, h.Score, visible.Text(filepath.Base(h.Path)))))
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error { return jpeg.Encode(w, sheet, &jpeg.Options{Quality: 88}) })
}

// fit cuts a text to the width of a cell.
func fit(d *font.Drawer, text string) string {
	for letters := []rune(text); len(letters) > 0; letters = letters[:len(letters)-1] {
		out := string(letters)
		if out != text {
			out += "..."
		}
		if d.MeasureString(out).Ceil() <= cell {
			return out
		}
	}
	return ""
}
