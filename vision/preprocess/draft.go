package preprocess

import "image"

// reduced is a picture's original size and the divisor of its sides while decoding (quotients are rounded up).
type reduced struct{ width, height, by int }

// turned is r for the upright picture.
func (r reduced) turned(orientation int) reduced {
	if orientation >= 5 {
		r.width, r.height = r.height, r.width
	}
	return r
}

// reduction is the largest divisor of 1, 2, 4 and 8 that leaves width x height pixels at least width2 x height2, as in Pillow's
// Image.draft.
func reduction(width, height, width2, height2 int) int {
	ratio := min(width/width2, height/height2)
	for by := 8; by > 1; by /= 2 {
		if ratio >= by {
			return by
		}
	}
	return 1
}

// reductionWhole is the divisor for the evaluation transform, which uses the whole picture.
func (c Config) reductionWhole(width, height int) int {
	p := c.place(width, height)
	return reduction(width, height, p.width, p.height)
}

// reductionCrop returns the divisor for a picture of which only a part is resized.
func (c Config) reductionCrop(part image.Rectangle) func(width, height int) int {
	return func(int, int) int { return reduction(part.Dx(), part.Dy(), c.Size, c.Size) }
}

// turn is the orientation to apply: the picture's, or 1 if the config ignores it.
func (c Config) turn(orientation int) int {
	if c.Orientation != OrientationApply {
		return 1
	}
	return orientation
}

// view maps the original picture to the decoded raster: pixel (x, y) of the picture is at (left + x/by, top + y/by).
type view struct {
	reduced
	left, top float32
}

// viewed returns the picture's position in src. Rounding up may add a part of a pixel at the right and at the bottom; turning the
// picture moves it to another side.
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

// box is the position of a part of the picture in the raster: left, top, right, bottom.
func (v view) box(part image.Rectangle) [4]float32 {
	at := func(from float32, pixels int) float32 { return from + float32(pixels)/float32(v.by) }
	return [4]float32{at(v.left, part.Min.X), at(v.top, part.Min.Y), at(v.left, part.Max.X), at(v.top, part.Max.Y)}
}
