package curation

// Outlying is the number of neighbours that Outlyingness averages.
const Outlying = 5

// Outlyingness is for each picture 1 minus the mean similarity to its first Outlying neighbours: 0 among equal pictures, 1 for one that is
// like no other.
func Outlyingness(near [][]Neighbour) []float64 {
	out := make([]float64, len(near))
	for i, list := range near {
		list = list[:min(len(list), Outlying)]
		var sum float64
		for _, n := range list {
			sum += n.Score
		}
		out[i] = 1
		if len(list) > 0 {
			out[i] = 1 - sum/float64(len(list))
		}
	}
	return out
}
