package text

// ResizePositions interpolates a position table [old, width] linearly to [to, width], another context length, as open_clip does.
func ResizePositions(table []float32, width, to int) []float32 {
	old := len(table) / width
	if old == to {
		return table
	}
	out := make([]float32, to*width)
	scale := float32(old) / float32(to)
	for i := range to {
		at := max((float32(i)+0.5)*scale-0.5, 0)
		low := min(int(at), old-1)
		high := min(low+1, old-1)
		share := at - float32(low)
		for j := range width {
			out[i*width+j] = (1-share)*table[low*width+j] + share*table[high*width+j]
		}
	}
	return out
}
