package shapes

import "math"

// outline is a shape of nominal radius 1 about the origin, y downwards.
type outline struct {
	reach float64 // the largest distance of its points from the origin
	turn  float64 // radians by which it may be turned either way and still be recognized
	// distance is negative inside. Near the edge it is the signed distance from the edge.
	distance func(x, y float64) float64
}

// outlines has the order of shapes.
var outlines = [...]outline{
	{reach: 1, distance: circle},
	{reach: 0.9 * math.Sqrt2, turn: degrees(10), distance: square},
	{reach: 1.3, turn: degrees(12), distance: triangle},
	{reach: 1.3, turn: degrees(12), distance: star},
	{reach: 1.2, turn: degrees(10), distance: cross},
	{reach: 1.1, distance: ring},
}

func degrees(d float64) float64 { return d * math.Pi / 180 }

func circle(x, y float64) float64 { return math.Sqrt(x*x+y*y) - 1 }

func square(x, y float64) float64 { return max(math.Abs(x), math.Abs(y)) - 0.9 }

// triangle is equilateral and points down, with corners at 1.3.
func triangle(x, y float64) float64 {
	const sin60 = 0.8660254037844386
	return max(-y, sin60*math.Abs(x)+0.5*y) - 0.65
}

// star has five points at 1.3, one of them up, and as many dents at 0.7. Reflections fold the plane into the tenth
// between a point and a dent, where the edge is one straight line.
func star(x, y float64) float64 {
	const sin36, cos36 = 0.5877852522924731, 0.8090169943749475
	const tip, normalX, normalY = 1.3, 0.8722, -0.4891 // of the line from (0, -tip) to 0.7 (sin36, -cos36)
	for range 2 {
		x = math.Abs(x)
		if over := x*cos36 + y*sin36; over > 0 {
			x -= 2 * over * cos36
			y -= 2 * over * sin36
		}
	}
	return math.Abs(x)*normalX + (y+tip)*normalY
}

// cross is a plus of two bars.
func cross(x, y float64) float64 {
	const long, wide = 1.16, 0.22
	x, y = math.Abs(x), math.Abs(y)
	return max(max(x, y)-long, min(x, y)-wide)
}

func ring(x, y float64) float64 {
	const middle, half = 0.825, 0.275
	return math.Abs(math.Sqrt(x*x+y*y)-middle) - half
}
