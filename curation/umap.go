package curation

import (
	"context"
	"math"
	"math/rand/v2"
)

// MapOptions are the settings of Map; the zero value has the defaults.
type MapOptions struct {
	Neighbours int // of each picture, that stay near; 0: 15
	Epochs     int // passes over all edges; 0: 200
	Seed       uint64
	Progress   func(done, all int)
}

// The curve 1/(1 + a d^(2b)) that UMAP fits to a minimal distance of 0.1 and a spread of 1, and the constants of its optimizer.
const (
	curveA    = 1.5769434603113077
	curveB    = 0.8950608779109733
	negatives = 5  // pushes for each pull
	clip      = 4  // of a coordinate's gradient
	extent    = 10 // of the coordinates at the start
)

// Map places the pictures in two dimensions so that those which are alike are near each other: UMAP (McInnes, Healy and Melville, 2018),
// with exact neighbours and a start from the two first principal components. The result [Len, 2] depends on the seed alone: the optimizer
// is one goroutine. near are at least as many neighbours as the options ask for.
func (c *Collection) Map(ctx context.Context, near [][]Neighbour, o MapOptions) ([]float64, error) {
	if o.Neighbours == 0 {
		o.Neighbours = 15
	}
	if o.Epochs == 0 {
		o.Epochs = 200
	}
	cut := make([][]Neighbour, len(near))
	for i, list := range near {
		cut[i] = list[:min(o.Neighbours, len(list))]
	}
	random := rand.New(rand.NewPCG(o.Seed, 0x756d6170))
	place := c.start(random)
	l := newLayout(fuzzy(cut), place, c.Len(), o.Epochs)
	for epoch := range o.Epochs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.epoch(epoch, 1-float64(epoch)/float64(o.Epochs), random)
		if o.Progress != nil {
			o.Progress(epoch+1, o.Epochs)
		}
	}
	return place, nil
}

// start are the two principal components, to the extent of the map, with a little noise so that equal pictures can part.
func (c *Collection) start(random *rand.Rand) []float64 {
	place := c.principal(2)
	var most float64
	for _, v := range place {
		most = max(most, math.Abs(v))
	}
	for i := range place {
		if most > 0 {
			place[i] *= extent / most
		}
		place[i] += 1e-4 * random.NormFloat64()
	}
	return place
}

// layout is the state of the optimizer.
type layout struct {
	edges []edge
	every []float64 // epochs between two uses of an edge
	next  []float64 // epoch of the next use
	push  []float64 // epoch of the next push
	place []float64
	n     int
}

// newLayout leaves out edges that are too weak to be used once.
func newLayout(edges []edge, place []float64, n, epochs int) *layout {
	l := &layout{place: place, n: n}
	var most float64
	for _, e := range edges {
		most = max(most, e.weight)
	}
	for _, e := range edges {
		if e.weight < most/float64(epochs) {
			continue
		}
		every := most / e.weight
		l.edges = append(l.edges, e)
		l.every, l.next, l.push = append(l.every, every), append(l.next, every), append(l.push, every/negatives)
	}
	return l
}

// epoch pulls the ends of each edge that is due together, and pushes its first end away from random pictures.
func (l *layout) epoch(epoch int, rate float64, random *rand.Rand) {
	at := float64(epoch)
	for i, e := range l.edges {
		if l.next[i] > at {
			continue
		}
		l.pull(e, rate)
		l.next[i] += l.every[i]
		pushes := int((at - l.push[i]) * negatives / l.every[i])
		for range pushes {
			l.away(e.a, random.IntN(l.n), rate)
		}
		l.push[i] += float64(pushes) * l.every[i] / negatives
	}
}

func (l *layout) pull(e edge, rate float64) {
	a, b := l.place[2*e.a:2*e.a+2], l.place[2*e.b:2*e.b+2]
	x, y := a[0]-b[0], a[1]-b[1]
	d2 := x*x + y*y
	if d2 == 0 {
		return
	}
	power := math.Pow(d2, curveB)
	by := -2 * curveA * curveB * power / d2 / (curveA*power + 1)
	x, y = rate*limit(by*x), rate*limit(by*y)
	a[0] += x
	a[1] += y
	b[0] -= x
	b[1] -= y
}

func (l *layout) away(i, j int, rate float64) {
	if i == j {
		return
	}
	a, b := l.place[2*i:2*i+2], l.place[2*j:2*j+2]
	x, y := a[0]-b[0], a[1]-b[1]
	d2 := x*x + y*y
	if d2 == 0 {
		return
	}
	by := 2 * curveB / ((0.001 + d2) * (curveA*math.Pow(d2, curveB) + 1))
	a[0] += rate * limit(by*x)
	a[1] += rate * limit(by*y)
}

func limit(v float64) float64 { return max(min(v, clip), -clip) }
