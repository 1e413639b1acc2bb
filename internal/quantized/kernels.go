package quantized

// kernel computes inner products of codes.
type kernel struct {
	name string
	// dot writes q . row for each of the rows [len(dst), len(q)]; the rows' codes are taken with their offset.
	dot func(dst []int32, q []int8, rows []uint8)
	// tile writes the products of 8 queries [8, stride] with a panel of 32 rows, [8, 32]; nil: dot serves.
	tile func(dst *[tileQueries * panelRows]int32, q []int8, panel []uint8, stride int)
}

// The size of a tile. A panel is 32 rows in which the same four entries of all rows follow each other.
const (
	tileQueries = 8
	panelRows   = 32
)

func plain() kernel { return kernel{"go", plainDot, nil} }

func plainDot(dst []int32, q []int8, rows []uint8) {
	for i := range dst {
		row := rows[i*len(q):][:len(q)]
		var a, b int32
		for k := 0; k+2 <= len(q); k += 2 {
			a += int32(q[k]) * int32(row[k])
			b += int32(q[k+1]) * int32(row[k+1])
		}
		dst[i] = a + b
	}
}

// pack writes rows as panels, [panel][stride/4][panelRows][4]. Rows that the last panel lacks are zero.
func (r *Rows) pack() []uint8 {
	panels := (r.N + panelRows - 1) / panelRows
	out := make([]uint8, panels*panelRows*r.stride)
	for i := range out[r.N/panelRows*panelRows*r.stride:] {
		out[r.N/panelRows*panelRows*r.stride+i] = zero
	}
	for i := range r.N {
		row := r.codes[i*r.stride : (i+1)*r.stride]
		panel := out[i/panelRows*panelRows*r.stride:]
		at := i % panelRows * 4
		for k := 0; k < r.stride; k += 4 {
			copy(panel[k*panelRows+at:][:4], row[k:k+4])
		}
	}
	return out
}
