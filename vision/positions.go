package vision

import "math"

// SinCos2D is the fixed position table of sin_cos_2d, [1+grid*grid, width], row-major. The first half of the width encodes the column,
// the second the row, each as sines followed by cosines. The class token's row is 0. Width must be a multiple of 4.
func SinCos2D(width, grid int) []float32 {
	out := make([]float32, (grid*grid+1)*width)
	half, quarter := width/2, width/4
	for row := range grid {
		for col := range grid {
			at := out[(1+row*grid+col)*width:]
			for i := range quarter {
				omega := 1 / math.Pow(10000, float64(i)/float64(quarter))
				at[i] = float32(math.Sin(float64(col) * omega))
				at[quarter+i] = float32(math.Cos(float64(col) * omega))
				at[half+i] = float32(math.Sin(float64(row) * omega))
				at[half+quarter+i] = float32(math.Cos(float64(row) * omega))
			}
		}
	}
	return out
}

// ResizePositions interpolates a position table [1+old*old, width] to a grid of rows x cols patches, as open_clip does: bicubic with
// antialiasing. The class token's row is kept.
func ResizePositions(table []float32, width, rows, cols int) []float32 {
	n := len(table)/width - 1
	old := int(math.Sqrt(float64(n)))
	if rows == old && cols == old {
		return table
	}
	grid := resampleRows(table[width:], old, old*width, rows) // [rows, old*width]
	out := append([]float32(nil), table[:width]...)
	for r := range rows {
		out = append(out, resampleRows(grid[r*old*width:(r+1)*old*width], old, width, cols)...)
	}
	return out
}

// resampleRows resizes [n, width] to [to, width] along the first dimension.
func resampleRows(in []float32, n, width, to int) []float32 {
	out := make([]float32, to*width)
	for i := range to {
		first, weights := bicubicWeights(n, to, i)
		for k, w := range weights {
			row := in[(first+k)*width:]
			for j := range width {
				out[i*width+j] += w * row[j]
			}
		}
	}
	return out
}

// bicubicWeights returns the first input and the weights of the inputs for output i: Keys' kernel with a = -0.5, widened for
// downsampling, cut off at the edges and normalized, as in Pillow and in libtorch's antialiased interpolation.
func bicubicWeights(n, to, i int) (first int, weights []float32) {
	scale := float64(n) / float64(to)
	stretch := max(scale, 1)
	centre := (float64(i) + 0.5) * scale
	first = max(0, int(centre-2*stretch+0.5))
	last := min(n, int(centre+2*stretch+0.5))
	var sum float64
	raw := make([]float64, last-first)
	for k := range raw {
		raw[k] = keys((float64(first+k) - centre + 0.5) / stretch)
		sum += raw[k]
	}
	for _, w := range raw {
		weights = append(weights, float32(w/sum))
	}
	return first, weights
}

// keys is Keys' cubic convolution kernel with a = -0.5.
func keys(x float64) float64 {
	const a = -0.5
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return ((a*x-5*a)*x+8*a)*x - 4*a
	default:
		return 0
	}
}
