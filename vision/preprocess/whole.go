package preprocess

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

// Whole is a picture without a crop, for a file of its own: 8-bit grey or RGB, upright if the config says so.
type Whole struct {
	raster
	Format                    string // of the file that it was read from: jpeg, png, gif, webp, tiff or bmp
	StoredWidth, StoredHeight int    // pixels in that file
	Width, Height             int
	Changed                   bool // resized or turned
	CMYK                      bool // the file is a JPEG of four inks
	Transparent               bool // the file has pixels that are not opaque
}

// Whole decodes a file and calls use with the picture, converted to grey or RGB as for training. If the shorter side is longer than side
// pixels, the picture is resized to that as Apply does; a side of 0 keeps every size. The picture is valid during the call.
func (r Reader) Whole(file []byte, side int, use func(Whole) error) error {
	r.RGB, r.Size, r.ResizeMode = RGBFirst, side, "shortest"
	reduce := func(width, height int) int {
		if side == 0 || min(width, height) <= side {
			return 1
		}
		return r.reductionWhole(width, height)
	}
	return r.read(file, reduce, func(im *Image) error {
		f, _ := formatOf(file)
		w := r.whole(im, side)
		w.Format = f.name
		return use(w)
	})
}

// WholeRGB is Whole for pixels, [height, width, 3].
func (r Reader) WholeRGB(pix []uint8, width, height, side int) Whole {
	r.RGB, r.Size, r.ResizeMode = RGBFirst, side, "shortest"
	return r.whole(FromRGB(pix, width, height), side)
}

func (r Reader) whole(im *Image, side int) Whole {
	src := r.source(im)
	v := r.viewed(im, src)
	w := Whole{
		raster: src, StoredWidth: im.reduced.width, StoredHeight: im.reduced.height, Width: v.width, Height: v.height,
		Changed: r.turn(im.orientation) > 1, CMYK: im.inks, Transparent: im.transparent,
	}
	if side == 0 || min(v.width, v.height) <= side {
		return w
	}
	p := r.place(v.width, v.height)
	scale := scaling{width: p.width, height: p.height, box: v.box(image.Rect(0, 0, v.width, v.height)),
		filter: filterNamed(r.Interpolation)}
	w.raster = tight(make([]uint8, p.width*p.height*src.mode.bytes()), src.mode, p.width, p.height)
	scale.run(w.raster, src)
	w.Width, w.Height, w.Changed = p.width, p.height, true
	return w
}

// picture is for the encoders of the standard library. They take grey as it is, and no RGB without alpha.
func (w Whole) picture() image.Image {
	if w.mode == grey {
		return &image.Gray{Pix: w.pix, Stride: w.stride, Rect: image.Rect(0, 0, w.width, w.height)}
	}
	return Opaque(w.pix, w.width, w.height)
}

// RGB is a copy of the pixels, [Height, Width, 3].
func (w Whole) RGB() []uint8 {
	out := make([]uint8, w.width*w.height*3)
	for y := range w.height {
		row := out[y*w.width*3:][:w.width*3]
		if copy(row, w.row(y)); w.mode == grey {
			spread(row)
		}
	}
	return out
}

// JPEG encodes the picture with the quality that libjpeg's scale from 1 to 100 gives, and 4:2:0 subsampling.
func (w Whole) JPEG(quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, w.picture(), &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// PNG encodes the picture without loss.
func (w Whole) PNG() ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, w.picture())
	return b.Bytes(), err
}
