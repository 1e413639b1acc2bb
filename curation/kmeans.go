package curation

import (
	"context"
	"math"
	"math/rand/v2"

	"clipgo/internal/parallel"
	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Clusters is a division of a collection into groups.
type Clusters struct {
	Of      []int       // the group of each picture, from 0; -1: none
	Scores  []float64   // similarity of each picture to its group's centre
	Centers [][]float32 // unit vectors
}

// rounds is how often KMeans moves its centres at most.
const rounds = 50

// KMeans divides the collection into k groups by spherical k-means: each picture belongs to the centre that is most similar to it, and
// each centre is the mean direction of its pictures. The first centres are drawn by k-means++ (Arthur and Vassilvitskii, 2007). The
// result depends on the seed alone. A group that loses its last picture keeps its centre.
func (c *Collection) KMeans(ctx context.Context, k int, seed uint64) (*Clusters, error) {
	k = min(k, c.Len())
	centers, err := c.seeds(ctx, k, seed)
	if err != nil {
		return nil, err
	}
	out := &Clusters{Of: make([]int, c.Len()), Scores: make([]float64, c.Len())}
	for round := 0; ; round++ {
		changed, err := c.assign(ctx, centers, out)
		if err != nil {
			return nil, err
		}
		if !changed && round > 0 || round == rounds {
			break
		}
		c.recenter(centers, out)
	}
	for at := 0; at < len(centers); at += c.Dim {
		out.Centers = append(out.Centers, centers[at:at+c.Dim])
	}
	return out, nil
}

// seeds draws the first centres, each with a probability in proportion to its squared distance from those before it.
func (c *Collection) seeds(ctx context.Context, k int, seed uint64) ([]float32, error) {
	random := rand.New(rand.NewPCG(seed, 0x6b6d65616e73))
	distance := make([]float64, c.Len()) // squared, to the nearest centre: 2 - 2 cos
	centers := make([]float32, 0, k*c.Dim)
	next := random.IntN(c.Len())
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	for {
		centers = append(centers, c.Feature(next)...)
		if len(centers) == k*c.Dim {
			return centers, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		center := c.Feature(next)
		parallel.For((c.Len()+1023)/1024, func(chunk int) {
			for i := chunk * 1024; i < min((chunk+1)*1024, c.Len()); i++ {
				distance[i] = min(distance[i], max(2-2*vec.Dot(center, c.Feature(i)), 0))
			}
		})
		next = draw(random, distance)
	}
}

func draw(random *rand.Rand, weights []float64) int {
	var all float64
	for _, w := range weights {
		all += w
	}
	at := random.Float64() * all
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// assign gives each picture its nearest centre, of equal ones the first, and reports whether any changed.
func (c *Collection) assign(ctx context.Context, centers []float32, out *Clusters) (bool, error) {
	near, err := nearest(ctx, c, &Collection{Dim: c.Dim, Features: centers, Items: make([]Item, len(centers)/c.Dim)},
		quantized.New(c.Features, c.Dim), quantized.New(centers, c.Dim), 1)
	if err != nil {
		return false, err
	}
	changed := false
	for i, list := range near {
		changed = changed || out.Of[i] != list[0].Row
		out.Of[i], out.Scores[i] = list[0].Row, list[0].Score
	}
	return changed, nil
}

func (c *Collection) recenter(centers []float32, out *Clusters) {
	k := len(centers) / c.Dim
	sums, count := make([]float64, len(centers)), make([]int, k)
	for i, g := range out.Of {
		count[g]++
		for d, v := range c.Feature(i) {
			sums[g*c.Dim+d] += float64(v)
		}
	}
	for g := range k {
		center := centers[g*c.Dim : (g+1)*c.Dim]
		if count[g] > 0 {
			copy(center, vec.Direction(sums[g*c.Dim:(g+1)*c.Dim]))
		}
	}
}
