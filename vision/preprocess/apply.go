package preprocess

import (
	"fmt"
	"image"
	"math"
	"sync"
)

// buffers hold pixels before their conversion to RGB.
var buffers = sync.Pool{New: func() any { return new([]uint8) }}

// Apply is the evaluation transform, open_clip's image_transform: it resizes the picture by ResizeMode, then crops the centre or
// pads. It fills dst, [Size, Size, 3].
func (c Config) Apply(dst []uint8, im *Image) error {
	if err := c.check(dst, im); err != nil {
		return err
	}
	src := c.source(im)
	v := c.viewed(im, src)
	p := c.place(v.width, v.height)
	scale := scaling{width: p.width, height: p.height, x: max(p.x, 0), y: max(p.y, 0), box: v.box(image.Rect(0, 0, v.width, v.height)),
		filter: filterNamed(c.Interpolation)}
	c.render(dst, im, src.mode, func(square raster) {
		if p.width < c.Size || p.height < c.Size {
			fill(square, uint8(c.FillColor))
		}
		scale.run(square.part(max(-p.x, 0), max(-p.y, 0), min(p.width, c.Size), min(p.height, c.Size)), src)
	})
	return nil
}

func (c Config) check(dst []uint8, im *Image) error {
	if im.width < 1 || im.height < 1 || len(im.pix) != im.height*im.stride {
		return fmt.Errorf("preprocess: a picture of %d x %d pixels in %d bytes", im.width, im.height, len(im.pix))
	}
	if want := c.Size * c.Size * 3; len(dst) != want {
		return fmt.Errorf("preprocess to %d x %d: a buffer of %d bytes, want %d", c.Size, c.Size, len(dst), want)
	}
	return nil
}

// source is the picture after the conversions that the config has before the resize: orientation and RGB.
func (c Config) source(im *Image) raster {
	r := im.raster
	if c.RGB != RGBLast {
		r = im.flat()
	}
	return oriented(r, c.turn(im.orientation), im.memory)
}

// render calls draw to fill a square of mode m, and converts it to RGB in dst.
func (c Config) render(dst []uint8, im *Image, m mode, draw func(square raster)) {
	if m == rgb {
		draw(tight(dst, rgb, c.Size, c.Size))
		return
	}
	b := buffers.Get().(*[]uint8)
	defer buffers.Put(b)
	*b = grow(*b, c.Size*c.Size*m.bytes())
	draw(tight(*b, m, c.Size, c.Size))
	switch m {
	case grey, greyAlpha, bilevel, grey16:
		flatten(dst[:c.Size*c.Size], *b, m, nil)
		spread(dst)
	default:
		flatten(dst, *b, m, im.colors)
	}
}

// fill sets every sample to v. A 16-bit sample becomes v, not v in both bytes.
func fill(r raster, v uint8) {
	for y := range r.height {
		row := r.row(y)
		for i := range row {
			row[i] = v
		}
		for i := 1; r.mode == grey16 && i < len(row); i += 2 {
			row[i] = 0
		}
	}
}

// placement is the size of a resized picture and the square's top left corner in it; negative if the square reaches outside.
type placement struct{ width, height, x, y int }

// place computes sizes as torchvision's Resize and CenterCrop and open_clip's ResizeKeepRatio and CenterCropOrPad do.
func (c Config) place(width, height int) placement {
	switch c.ResizeMode {
	case "squash":
		return placement{width: c.Size, height: c.Size}
	case "longest":
		ratio := float64(max(width, height)) / float64(c.Size)
		p := placement{width: c.scaled(width, ratio), height: c.scaled(height, ratio)}
		p.x, p.y = -((c.Size - p.width) / 2), -((c.Size - p.height) / 2)
		return p
	}
	p := placement{width: c.Size, height: c.Size}
	if width <= height {
		p.height = c.Size * height / width
	} else {
		p.width = c.Size * width / height
	}
	p.x, p.y = c.offset(p.width), c.offset(p.height)
	return p
}

// scaled is a side divided by ratio, at least 1 pixel; open_clip fails for 0.
func (c Config) scaled(side int, ratio float64) int {
	return min(max(int(math.RoundToEven(float64(side)/ratio)), 1), c.Size)
}

// offset is the start of the centre crop along a side, rounded half to even.
func (c Config) offset(side int) int {
	return int(math.RoundToEven(float64(side-c.Size) / 2))
}
