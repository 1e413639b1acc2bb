package curation

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// principal are the first k principal components of the features, [Len, k]: the coordinates along the directions of largest variance. The
// sign of a direction is such that its largest entry is positive.
func (c *Collection) principal(k int) []float64 {
	n, dim := c.Len(), c.Dim
	mean := make([]float64, dim)
	for i := range n {
		for d, v := range c.Feature(i) {
			mean[d] += float64(v) / float64(n)
		}
	}
	covariance := mat.NewSymDense(dim, nil)
	row := make([]float64, dim)
	const most = 20_000 // rows that the directions are computed from: more of them change a start little
	step := max(1, n/most)
	for i := 0; i < n; i += step {
		for d, v := range c.Feature(i) {
			row[d] = float64(v) - mean[d]
		}
		covariance.SymRankOne(covariance, 1, mat.NewVecDense(dim, row))
	}
	var eigen mat.EigenSym
	out := make([]float64, n*k)
	if !eigen.Factorize(covariance, true) {
		return out
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	for at := range min(k, dim) {
		direction := mat.Col(nil, dim-1-at, &vectors)
		largest := 0.0
		for _, v := range direction {
			if math.Abs(v) > math.Abs(largest) {
				largest = v
			}
		}
		sign := math.Copysign(1, largest)
		for i := range n {
			for d, v := range c.Feature(i) {
				out[i*k+at] += sign * direction[d] * (float64(v) - mean[d])
			}
		}
	}
	return out
}
