package preprocess

import "image"

// reduced is a picture's own size and what its sides were divided by, rounded up, while it was decoded.
type reduced struct{ width, height, by int }

// turned is the picture as its orientation shows it.
func (r reduced) turned(orientation int) reduced {
	if orientation >= 5 {
		r.width, r.height = r.height, r.width
	}
	return r
}

// reduction is the largest divisor of 2, 4 and 8 that leaves width x height pixels at least width2 x height2, as Pillow's
// Image.draft chooses it.
func reduction(width, height, width2, height2 int) int {
	ratio := min(width/width2, height/height2)
	for by := 8; by > 1; by /= 2 {
		if ratio >= by {
			return by
		}
	}
	return 1
}

// reductionWhole is what a picture that the evaluation transform sees whole may be divided by.
func (c Config) reductionWhole(width, height int) int {
	p := c.place(width, height)
	return reduction(width, height, p.width, p.height)
}

// reductionCrop is what a picture may be divided by of which a part is resized.
func (c Config) reductionCrop(part image.Rectangle) func(width, height int) int {
	return func(int, int) int { return reduction(part.Dx(), part.Dy(), c.Size, c.Size) }
}

// fromFile lets use work on a decoded file. With Draft reduce says, of a picture as it will be seen, what its sides may be
// divided by.
func (c Config) fromFile(file []byte, reduce func(width, height int) int, use func(*Image) error) error {
	d := decoding{Limits: DefaultLimits(), memory: memories.Get().(*memory)}
	defer memories.Put(d.memory)
	if c.Draft {
		d.reduce = func(width, height, orientation int) int {
			seen := reduced{width: width, height: height}.turned(c.turn(orientation))
			return reduce(seen.width, seen.height)
		}
	}
	im, err := d.decode(file)
	if err != nil {
		return err
	}
	return use(im)
}

// turn is the orientation that this config follows: the picture's, or none.
func (c Config) turn(orientation int) int {
	if c.Orientation != OrientationApply {
		return 1
	}
	return orientation
}

// view is a picture in the raster that it was decoded to: pixel (x, y) of the picture lies at (left + x/by, top + y/by).
type view struct {
	reduced
	left, top float32
}

// viewed says where the picture lies in src. Rounding up may have added a part of a pixel at the right and at the bottom,
// which turning brings elsewhere.
func (c Config) viewed(im *Image, src raster) view {
	o := c.turn(im.orientation)
	v := view{reduced: im.reduced.turned(o)}
	switch o {
	case 2, 3, 6, 7:
		v.left = float32(src.width) - float32(v.width)/float32(v.by)
	}
	switch o {
	case 3, 4, 7, 8:
		v.top = float32(src.height) - float32(v.height)/float32(v.by)
	}
	return v
}

// box is where a part of the picture lies in the raster: left, top, right, bottom.
func (v view) box(part image.Rectangle) [4]float32 {
	at := func(from float32, pixels int) float32 { return from + float32(pixels)/float32(v.by) }
	return [4]float32{at(v.left, part.Min.X), at(v.top, part.Min.Y), at(v.left, part.Max.X), at(v.top, part.Max.Y)}
}
