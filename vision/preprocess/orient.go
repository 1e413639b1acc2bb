package preprocess

// oriented turns r upright by its EXIF orientation: 2 mirrored, 3 upside down, 4 both, 5 to 8 on a side. The result uses m's
// memory, or new memory if m is nil.
func oriented(r raster, orientation int, m *memory) raster {
	if orientation < 2 || orientation > 8 {
		return r
	}
	width, height := r.width, r.height
	if orientation >= 5 {
		width, height = height, width
	}
	n := r.mode.bytes()
	if m == nil {
		m = new(memory)
	}
	m.turned = grow(m.turned, width*height*n)
	out := tight(m.turned, r.mode, width, height)
	for y := range height {
		row := out.row(y)
		at, step := walk(r, orientation, y)
		for x := range width {
			copy(row[x*n:x*n+n], r.pix[at:at+n])
			at += step
		}
	}
	return out
}

// walk returns the offset in r at which row y of the upright picture begins, and the step between its pixels.
func walk(r raster, orientation, y int) (at, step int) {
	n := r.mode.bytes()
	right, bottom := (r.width-1)*n, (r.height-1)*r.stride
	switch orientation {
	case 2:
		return y*r.stride + right, -n
	case 3:
		return bottom - y*r.stride + right, -n
	case 4:
		return bottom - y*r.stride, n
	case 5:
		return y * n, r.stride
	case 6:
		return bottom + y*n, -r.stride
	case 7:
		return bottom + right - y*n, -r.stride
	}
	return right - y*n, r.stride // 8
}
