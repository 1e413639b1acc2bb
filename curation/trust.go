package curation

import (
	"math"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// Trustworthiness says how many of the neighbours on a map are neighbours in truth, 0 to 1 (Venna and Kaski, 2001): for each picture,
// those of its k nearest on the map that aren't among its k nearest by features cost how far down they are there. Rows are computed as
// they are needed; time grows with the square of the number of pictures.
func (c *Collection) Trustworthiness(place []float64, k int) float64 {
	n := c.Len()
	costs := make([]float64, n)
	parallel.For(n, func(i int) {
		distance, similarity := make([]float64, n), make([]float64, n)
		for j := range n {
			x, y := place[2*i]-place[2*j], place[2*i+1]-place[2*j+1]
			distance[j], similarity[j] = x*x+y*y, vec.Dot(c.Feature(i), c.Feature(j))
		}
		distance[i], similarity[i] = math.Inf(1), math.Inf(-1)
		rank := make([]int, n)
		for at, j := range descending(similarity) {
			rank[j] = at + 1
		}
		for _, j := range ascending(distance)[:k] {
			costs[i] += max(float64(rank[j]-k), 0)
		}
	})
	var all float64
	for _, cost := range costs {
		all += cost
	}
	return 1 - all*2/(float64(n)*float64(k)*float64(2*n-3*k-1))
}
