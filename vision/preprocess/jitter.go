package preprocess

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"github.com/disintegration/imaging"
)

// jitter is torchvision's ColorJitter: it scales brightness, contrast and saturation by factors around 1 and shifts the hue, in
// random order.
func (a Augment) jitter(r *rand.Rand) []func(*image.NRGBA) *image.NRGBA {
	var steps []func(*image.NRGBA) *image.NRGBA
	adjust := [4]func(*image.NRGBA, float64) *image.NRGBA{brightened, contrasted, saturated, hued}
	for _, i := range r.Perm(len(adjust)) {
		span := a.ColorJitter[i]
		lo, hi := max(1-span, 0), 1+span
		if i == 3 {
			lo, hi = -span, span
		}
		amount := uniform(r, lo, hi)
		if span > 0 {
			steps = append(steps, func(m *image.NRGBA) *image.NRGBA { return adjust[i](m, amount) })
		}
	}
	return steps
}

// luma is Pillow's conversion to L, ITU-R 601.
func luma(c color.NRGBA) uint8 {
	return uint8((uint32(c.R)*19595 + uint32(c.G)*38470 + uint32(c.B)*7471 + 1<<15) >> 16)
}

// blend is Pillow's: from + factor (to - from), clipped to a byte and truncated.
func blend(from, to uint8, factor float64) uint8 {
	f := float32(factor)
	v := float32(from) + float32(f*float32(int(to)-int(from)))
	return uint8(min(max(v, 0), 255))
}

func brightened(m *image.NRGBA, factor float64) *image.NRGBA {
	return blended(m, factor, func(color.NRGBA) uint8 { return 0 })
}

func contrasted(m *image.NRGBA, factor float64) *image.NRGBA {
	sum := 0
	for i := 0; i < len(m.Pix); i += 4 {
		sum += int(luma(color.NRGBA{R: m.Pix[i], G: m.Pix[i+1], B: m.Pix[i+2]}))
	}
	mean := uint8(float64(sum)/float64(len(m.Pix)/4) + 0.5)
	return blended(m, factor, func(color.NRGBA) uint8 { return mean })
}

func saturated(m *image.NRGBA, factor float64) *image.NRGBA {
	return blended(m, factor, luma)
}

func blended(m *image.NRGBA, factor float64, ground func(color.NRGBA) uint8) *image.NRGBA {
	return imaging.AdjustFunc(m, func(c color.NRGBA) color.NRGBA {
		g := ground(c)
		return color.NRGBA{blend(g, c.R, factor), blend(g, c.G, factor), blend(g, c.B, factor), c.A}
	})
}

// hued shifts the hue by a fraction of the circle, -0.5 to 0.5.
func hued(m *image.NRGBA, turn float64) *image.NRGBA {
	return imaging.AdjustFunc(m, func(c color.NRGBA) color.NRGBA { return turned(c, turn) })
}

// turned shifts the hue of HSV and keeps value and saturation. Unlike Pillow it doesn't round the three to bytes in between.
func turned(c color.NRGBA, turn float64) color.NRGBA {
	r, g, b := float64(c.R), float64(c.G), float64(c.B)
	high, low := max(r, g, b), min(r, g, b)
	if high == low {
		return c
	}
	var hue float64 // in sixths
	switch high {
	case r:
		hue = (g - b) / (high - low)
	case g:
		hue = 2 + (b-r)/(high-low)
	default:
		hue = 4 + (r-g)/(high-low)
	}
	hue += float64(6 * turn)
	channel := func(shift float64) uint8 {
		at := hue + shift
		at -= float64(6 * math.Floor(at/6))
		share := min(max(min(at, 4-at), 0), 1)
		return uint8(high - float64((high-low)*share) + 0.5)
	}
	return color.NRGBA{channel(5), channel(3), channel(1), c.A}
}
