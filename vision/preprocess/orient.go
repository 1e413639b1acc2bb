package preprocess

// oriented is r as people see it, by EXIF's orientation: 2 mirrored, 3 upside down, 4 both, 5 to 8 lying on a side. It lies
// in m, or in new memory where m is nil.
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

// walk says where in r row y of the oriented picture begins, and how far its pixels are apart.
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
