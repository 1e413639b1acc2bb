package mapfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"

	"clipgo/curation"
	"clipgo/internal/durable"
	"clipgo/internal/parallel"
	"clipgo/internal/visible"
)

// Thumbnail makes a square picture of a side from a picture's file.
type Thumbnail func(path string, side int) (image.Image, error)

// largestSprite is the side of the largest sprite sheet that TensorBoard's projector accepts, in pixels.
const largestSprite = 8192

// WriteProjector writes a new folder for TensorBoard's projector: the features, paths and captions of the pictures, and small copies in
// one sheet. A picture without a copy is blank.
func WriteProjector(dir string, c *curation.Collection, thumb Thumbnail) error {
	across := int(math.Ceil(math.Sqrt(float64(c.Len()))))
	side := min(64, largestSprite/across)
	if side < 4 {
		return fmt.Errorf("%d pictures are too many for a sheet of %d pixels", c.Len(), largestSprite)
	}
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s exists already", dir)
	}
	var sprite bytes.Buffer
	if err := png.Encode(&sprite, sheet(c, across, side, thumb)); err != nil {
		return err
	}
	config, err := json.MarshalIndent(map[string]any{"embeddings": []any{map[string]any{
		"tensorName": visible.Text(c.Name), "tensorShape": []int{c.Len(), c.Dim}, "tensorPath": "tensors.bytes",
		"metadataPath": "metadata.tsv",
		"sprite":       map[string]any{"imagePath": "sprite.png", "singleImageDim": []int{side, side}},
	}}}, "", "  ")
	if err != nil {
		return err
	}
	tensors := make([]byte, 4*len(c.Features))
	for i, v := range c.Features {
		binary.LittleEndian.PutUint32(tensors[4*i:], math.Float32bits(v))
	}
	files := map[string][]byte{"tensors.bytes": tensors, "metadata.tsv": metadata(c), "sprite.png": sprite.Bytes(),
		"projector_config.json": config}
	return durable.WriteDir(dir, func(tmp string) error {
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

func metadata(c *curation.Collection) []byte {
	cell := func(s string) string { return strings.NewReplacer("\t", " ", "\n", " ").Replace(visible.Text(s)) }
	var b bytes.Buffer
	b.WriteString("path\tcaption\n")
	for _, item := range c.Items {
		fmt.Fprintf(&b, "%s\t%s\n", cell(item.Path), cell(item.Caption))
	}
	return b.Bytes()
}

func sheet(c *curation.Collection, across, side int, thumb Thumbnail) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, across*side, across*side))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	parallel.For(c.Len(), func(i int) {
		small, err := thumb(c.Items[i].Path, side)
		if err != nil {
			return
		}
		at := image.Pt(i%across*side, i/across*side)
		draw.Draw(out, image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}, small, small.Bounds().Min, draw.Src)
	})
	return out
}
