package shapes

import (
	"math"
	"testing"
)

// Areas in closed form, against counting points of a fine grid.
func TestOutlinesEncloseTheirAreas(t *testing.T) {
	tip, dent := 1.3, 0.7
	areas := map[string]float64{
		"circle":   math.Pi,
		"square":   1.8 * 1.8,
		"triangle": 3 * math.Sqrt(3) / 4 * 1.3 * 1.3,
		"star":     10 * tip * dent * math.Sin(math.Pi/5) / 2,
		"cross":    2*(2*1.16*2*0.22) - 4*0.22*0.22,
		"ring":     math.Pi * (1.1*1.1 - 0.55*0.55),
	}
	const step = 1.0 / 256
	for i, name := range shapes {
		inside, reach := 0.0, 0.0
		for y := -1.5 + step/2; y < 1.5; y += step {
			for x := -1.5 + step/2; x < 1.5; x += step {
				if outlines[i].distance(x, y) < 0 {
					inside++
					reach = max(reach, math.Hypot(x, y))
				}
			}
		}
		if got := inside * step * step; math.Abs(got-areas[name]) > 0.02 { // half a step along an edge of 7 to 10
			t.Errorf("%s has area %.4f, not %.4f", name, got, areas[name])
		}
		if r := outlines[i].reach; reach > r || reach < r-0.03 {
			t.Errorf("%s reaches %.4f, not %.4f", name, reach, r)
		}
	}
}

// Cover is right only if the distance falls by one per unit across the edge. On the few lines that are equally near to
// two edges it has no slope.
func TestDistanceIsTrueNearTheEdge(t *testing.T) {
	const step, h = 1.0 / 64, 1e-6
	for i, name := range shapes {
		f := outlines[i].distance
		near, folds := 0, 0
		for y := -1.5 + step/3; y < 1.5; y += step {
			for x := -1.5 + step/3; x < 1.5; x += step {
				if math.Abs(f(x, y)) > 0.05 {
					continue
				}
				near++
				if slope := math.Hypot(f(x+h, y)-f(x-h, y), f(x, y+h)-f(x, y-h)) / (2 * h); math.Abs(slope-1) > 1e-3 {
					folds++
				}
			}
		}
		if folds*100 > near {
			t.Errorf("%s: at %d of %d points near the edge the slope is not 1", name, folds, near)
		}
	}
}

// The objects are found in the pixels as connected regions (over sides and corners) of about the caption's paint. They have the caption's
// number and size and don't touch the border. Only rings have a hole.
func TestPicturesShowWhatTheCaptionSays(t *testing.T) {
	var left [Combinations]int
	for i := range left {
		left[i] = 4
	}
	for _, split := range []Split{Train, Val, Novel} {
		set := New(Config{N: 6000, Split: split})
		for i := range set.Len() {
			if c := set.Combination(i); left[c] > 0 {
				left[c]--
				check(t, set.Key(i), c, set.Draw(i))
			}
		}
	}
	for c, n := range left {
		if n > 2 {
			t.Errorf("%s was drawn %d times", Combination(c).Caption(), 4-n)
		}
	}
}

func check(t *testing.T, key string, c Combination, pix []uint8) {
	t.Helper()
	mask := painted(pix, c.color())
	spots := fill(mask)
	if len(spots) != c.count()+1 {
		t.Errorf("%s, %s: %d spots", key, c.Caption(), len(spots))
		return
	}
	least := 18 // of a large object; a square reaches its radius in the corners alone
	if shapes[c.shape()] == "square" {
		least = 15
	}
	for _, s := range spots {
		across := max(s.right-s.left, s.bottom-s.top) + 1
		if large := across >= least; large != (c.size() == 1) || across < 9 || across > 28 {
			t.Errorf("%s, %s: one is %d pixels across", key, c.Caption(), across)
		}
		if s.left == 0 || s.top == 0 || s.right == Side-1 || s.bottom == Side-1 {
			t.Errorf("%s, %s: one touches the border", key, c.Caption())
		}
		if hole := !mask[(s.top+s.bottom)/2*Side+(s.left+s.right)/2]; hole != (shapes[c.shape()] == "ring") {
			t.Errorf("%s, %s: hole in the middle: %v", key, c.Caption(), hole)
		}
	}
}

// painted marks the pixels that are near to a colour's paint: the ground is at least 77 away, objects at most 18.
func painted(pix []uint8, color int) []bool {
	mask := make([]bool, Side*Side)
	for i := range mask {
		at := rgb{float64(pix[3*i]), float64(pix[3*i+1]), float64(pix[3*i+2])}
		mask[i] = distance(at, paints[color]) < groundApart/2
	}
	return mask
}

type spot struct{ left, right, top, bottom, area int }

// fill finds the connected spots of a mask, which it leaves as it is.
func fill(mask []bool) []spot {
	seen := make([]bool, len(mask))
	var out []spot
	for start := range mask {
		if !mask[start] || seen[start] {
			continue
		}
		s := spot{left: Side, top: Side}
		seen[start] = true
		for todo := []int{start}; len(todo) > 0; {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			x, y := at%Side, at/Side
			s = spot{min(s.left, x), max(s.right, x), min(s.top, y), max(s.bottom, y), s.area + 1}
			for _, step := range []int{1, Side - 1, Side, Side + 1, -1, 1 - Side, -Side, -1 - Side} {
				next := at + step
				if next >= 0 && next < len(mask) && mask[next] && !seen[next] {
					seen[next] = true
					todo = append(todo, next)
				}
			}
		}
		if s.area > 4 { // where a star's tip is half covered, its last pixels may come off
			out = append(out, s)
		}
	}
	return out
}

func TestObjectsAreOfTheirNamedColourAndStandOutFromTheGround(t *testing.T) {
	for _, split := range []Split{Train, Novel} {
		set := New(Config{N: 1000, Split: split})
		for i := range set.Len() {
			checkColors(t, set, i)
		}
	}
}

func checkColors(t *testing.T, set *Set, i int) {
	t.Helper()
	c, pix, scene := set.Combination(i), set.Draw(i), set.scene(i)
	for at := range Side * Side {
		got := rgb{float64(pix[3*at]), float64(pix[3*at+1]), float64(pix[3*at+2])}
		switch depth := scene.depth(float64(at%Side)+0.5, float64(at/Side)+0.5); {
		case depth < -1:
			if nearest(got) != c.color() {
				t.Errorf("%s at pixel %d: %v is nearest to %s", c.Caption(), at, got, colors[nearest(got)])
				return
			}
		case depth > 1:
			if d := distance(got, paints[c.color()]); d < 70 {
				t.Errorf("%s at pixel %d: the ground is only %.0f from the paint", c.Caption(), at, d)
				return
			}
		}
	}
}

// depth is the distance in pixels from the nearest object's edge, below 0 inside it.
func (sc scene) depth(x, y float64) float64 {
	least := math.Inf(1)
	for _, o := range sc.objects {
		sin, cos := math.Sincos(o.turn)
		dx, dy := (x-o.x)/o.radius, (y-o.y)/o.radius
		least = min(least, o.radius*sc.shape.distance(cos*dx+sin*dy, cos*dy-sin*dx))
	}
	return least
}

func nearest(c rgb) int {
	best := 0
	for i := range paints {
		if distance(c, paints[i]) < distance(c, paints[best]) {
			best = i
		}
	}
	return best
}
