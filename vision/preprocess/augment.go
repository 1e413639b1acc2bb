package preprocess

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// purpose separates the random numbers of the augmentation's steps, so that enabling one step doesn't change the others.
type purpose uint64

const (
	forCrop purpose = iota + 1
	forFlip
	forRotation
	forJitter
	forGrey
)

func (p purpose) random(key uint64) *rand.Rand { return rand.New(rand.NewPCG(key, uint64(p))) }

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

// crop resizes a part of the upright picture into dst.
func (c Config) crop(dst []uint8, im *Image, part image.Rectangle) error {
	if err := c.check(dst, im); err != nil {
		return err
	}
	src := c.source(im)
	box := c.viewed(im, src).box(part)
	if im.reduced.by == 1 { // pixels outside of the crop have no influence, as with Pillow's crop
		src = src.part(part.Min.X, part.Min.Y, part.Dx(), part.Dy())
		box = src.whole()
	}
	c.render(dst, im, src.mode, func(square raster) {
		scaling{width: c.Size, height: c.Size, box: box, filter: bicubic}.run(square, src)
	})
	return nil
}

// crop is torchvision's RandomResizedCrop.get_params: ten tries, then the largest centre crop within the ratios.
func (a Augment) crop(width, height int, r *rand.Rand) image.Rectangle {
	for range 10 {
		area := float64(width*height) * uniform(r, a.Scale[0], a.Scale[1])
		ratio := math.Exp(uniform(r, math.Log(a.Ratio[0]), math.Log(a.Ratio[1])))
		w := int(math.RoundToEven(math.Sqrt(area * ratio)))
		h := int(math.RoundToEven(math.Sqrt(area / ratio)))
		if w > 0 && w <= width && h > 0 && h <= height {
			y, x := r.IntN(height-h+1), r.IntN(width-w+1)
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

func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + float64((hi-lo)*r.Float64()) }

// vary applies the steps after the crop, in place, to pixels [size, size, 3].
func (a Augment) vary(pix []uint8, size int, key uint64) {
	var steps []func(*image.NRGBA) *image.NRGBA
	if chance(a.HFlip, forFlip.random(key)) {
		steps = append(steps, func(m *image.NRGBA) *image.NRGBA { return imaging.FlipH(m) })
	}
	if a.Rotate > 0 {
		degrees := uniform(forRotation.random(key), -a.Rotate, a.Rotate)
		steps = append(steps, func(m *image.NRGBA) *image.NRGBA { return rotated(m, degrees) })
	}
	if r := forJitter.random(key); chance(a.ColorJitterProb, r) {
		steps = append(steps, a.jitter(r)...)
	}
	if chance(a.GrayScaleProb, forGrey.random(key)) {
		steps = append(steps, func(m *image.NRGBA) *image.NRGBA { return saturated(m, 0) })
	}
	if len(steps) == 0 {
		return
	}
	m := toNRGBA(pix, size)
	for _, step := range steps {
		m = step(m)
	}
	fromNRGBA(pix, m)
}

func chance(p float64, r *rand.Rand) bool { return r.Float64() < p }

// rotated turns a square anticlockwise about its centre and keeps its size. The corners are filled with the median colour of the border,
// so that a drawing on a plain background keeps its background.
func rotated(m *image.NRGBA, degrees float64) *image.NRGBA {
	size := m.Rect.Dx()
	return imaging.CropCenter(imaging.Rotate(m, degrees, borderColor(m)), size, size)
}

func borderColor(m *image.NRGBA) color.NRGBA {
	var counts [3][256]int
	size := m.Rect.Dx()
	for i := range size {
		for _, p := range [4]image.Point{{i, 0}, {i, size - 1}, {0, i}, {size - 1, i}} {
			at := m.PixOffset(p.X, p.Y)
			for c := range counts {
				counts[c][m.Pix[at+c]]++
			}
		}
	}
	return color.NRGBA{median(&counts[0], 4*size), median(&counts[1], 4*size), median(&counts[2], 4*size), 255}
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

func toNRGBA(pix []uint8, size int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for i := range size * size {
		to, from := m.Pix[4*i:4*i+4:4*i+4], pix[3*i:3*i+3:3*i+3]
		to[0], to[1], to[2], to[3] = from[0], from[1], from[2], 255
	}
	return m
}

func fromNRGBA(pix []uint8, m *image.NRGBA) {
	for i := range len(pix) / 3 {
		copy(pix[3*i:3*i+3], m.Pix[4*i:])
	}
}
