package preprocess

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// Train is the training transform: a random crop, resized with bicubic interpolation whatever Interpolation is (as in open_clip), then
// the rest of a. It fills dst, [Size, Size, 3]. The result depends only on the arguments.
func (c Config) Train(dst []uint8, im *Image, a Augment, key uint64) error {
	seen := im.reduced.turned(c.turn(im.orientation))
	if err := c.crop(dst, im, a.crop(seen.width, seen.height, forCrop.random(key))); err != nil {
		return err
	}
	a.vary(dst, c.Size, key)
	return nil
}

// crop resizes a window of the upright picture into dst. What the window shows beyond the picture gets the colour of the border of what it
// shows of the picture, so that a drawing on a plain background keeps its background.
func (c Config) crop(dst []uint8, im *Image, window image.Rectangle) error {
	if err := c.check(dst, im); err != nil {
		return err
	}
	src := c.source(im)
	v := c.viewed(im, src)
	part := window.Intersect(image.Rect(0, 0, v.width, v.height))
	at := scaledInto(part, window, c.Size)
	box := v.box(part)
	if im.reduced.by == 1 { // pixels outside of the crop have no influence, as with Pillow's crop
		src = src.part(part.Min.X, part.Min.Y, part.Dx(), part.Dy())
		box = src.whole()
	}
	c.render(dst, im, src.mode, func(square raster) {
		scaling{width: at.Dx(), height: at.Dy(), box: box, filter: bicubic}.run(square.part(at.Min.X, at.Min.Y, at.Dx(), at.Dy()), src)
	})
	if part != window {
		surround(tight(dst, rgb, c.Size, c.Size), at)
	}
	return nil
}

// scaledInto is where a part of the window is in a square that shows the window: whole pixels, at least one each way.
func scaledInto(part, window image.Rectangle, size int) image.Rectangle {
	along := func(from, to, length int) (lo, hi int) {
		place := func(v int) int { return int(math.Round(float64(v*size) / float64(length))) }
		lo = min(place(from), size-1)
		return lo, max(place(to), lo+1)
	}
	x0, x1 := along(part.Min.X-window.Min.X, part.Max.X-window.Min.X, window.Dx())
	y0, y1 := along(part.Min.Y-window.Min.Y, part.Max.Y-window.Min.Y, window.Dy())
	return image.Rect(x0, y0, x1, y1)
}

// surround fills what is outside of a rectangle of r, of mode rgb, with the colour of the rectangle's border.
func surround(r raster, inside image.Rectangle) {
	part := r.part(inside.Min.X, inside.Min.Y, inside.Dx(), inside.Dy())
	ground := border(part.width, part.height, func(x, y int) []uint8 { return part.row(y)[3*x:] })
	for y := range r.height {
		row := r.row(y)
		for x := range r.width {
			if !image.Pt(x, y).In(inside) {
				copy(row[3*x:], ground[:])
			}
		}
	}
}

// crop is the window on a picture that training shows. If all windows are smaller than the picture, it is torchvision's
// RandomResizedCrop.get_params: ten tries, then the largest centre crop within the ratios. Otherwise the first window is taken: along
// each side, either it lies within the picture or the picture lies within it.
func (a Augment) crop(width, height int, r *rand.Rand) image.Rectangle {
	for range 10 {
		area := float64(width*height) * uniform(r, a.Scale[0], a.Scale[1])
		ratio := math.Exp(uniform(r, math.Log(a.Ratio[0]), math.Log(a.Ratio[1])))
		w := int(math.RoundToEven(math.Sqrt(area * ratio)))
		h := int(math.RoundToEven(math.Sqrt(area / ratio)))
		if w > 0 && h > 0 && (a.Scale[1] > 1 || w <= width && h <= height) {
			y, x := start(r, height, h), start(r, width, w)
			return image.Rect(x, y, x+w, y+h)
		}
	}
	w, h := width, height
	switch ratio := float64(width) / float64(height); {
	case ratio < a.Ratio[0]:
		h = max(int(math.RoundToEven(float64(width)/a.Ratio[0])), 1)
	case ratio > a.Ratio[1]:
		w = max(int(math.RoundToEven(float64(height)*a.Ratio[1])), 1)
	}
	x, y := (width-w)/2, (height-h)/2
	return image.Rect(x, y, x+w, y+h)
}

// start is a random start of a window's side along a picture's side; negative for a longer window.
func start(r *rand.Rand, picture, window int) int {
	if window > picture {
		return -r.IntN(window - picture + 1)
	}
	return r.IntN(picture - window + 1)
}

// borderColor is the colour that surrounds a square.
func borderColor(m *image.NRGBA) color.NRGBA {
	c := border(m.Rect.Dx(), m.Rect.Dy(), func(x, y int) []uint8 { return m.Pix[m.PixOffset(x, y):] })
	return color.NRGBA{c[0], c[1], c[2], 255}
}

// border is the median colour, by channel, of the outermost pixels of a picture. at returns a pixel's channels.
func border(width, height int, at func(x, y int) []uint8) [3]uint8 {
	var counts [3][256]int
	count := func(x, y int) {
		for c, v := range at(x, y)[:3] {
			counts[c][v]++
		}
	}
	for x := range width {
		count(x, 0)
		count(x, height-1)
	}
	for y := range height {
		count(0, y)
		count(width-1, y)
	}
	n := 2 * (width + height)
	return [3]uint8{median(&counts[0], n), median(&counts[1], n), median(&counts[2], n)}
}

func median(counts *[256]int, n int) uint8 {
	seen := 0
	for v, count := range counts {
		if seen += count; 2*seen >= n {
			return uint8(v)
		}
	}
	return 255
}
