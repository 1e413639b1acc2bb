package preprocess

import (
	"image"
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
