package preprocess

import "image"

// Cut decodes a file and returns a part of it as RGB, [height, width, 3], in the coordinates of the file. What lies outside of the picture
// is black, as in Pillow's crop.
func Cut(file []byte, part image.Rectangle, limits Limits) ([]uint8, error) {
	out := make([]uint8, part.Dx()*part.Dy()*3)
	err := Reader{Config: Default(), Limits: limits}.Whole(file, 0, func(w Whole) error {
		channels := w.mode.bytes()
		inside := part.Intersect(image.Rect(0, 0, w.Width, w.Height))
		for y := inside.Min.Y; y < inside.Max.Y; y++ {
			row := w.row(y)
			for x := inside.Min.X; x < inside.Max.X; x++ {
				to := out[((y-part.Min.Y)*part.Dx()+x-part.Min.X)*3:]
				for k := range 3 {
					to[k] = row[x*channels+min(k, channels-1)]
				}
			}
		}
		return nil
	})
	return out, err
}
