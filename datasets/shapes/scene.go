package shapes

import "math"

// Side is the width and height of a scene in pixels.
const Side = 64

type rgb [3]float64

// paints are in the order of colors.
var paints = [...]rgb{
	{215, 35, 40}, {245, 140, 25}, {250, 225, 50}, {40, 165, 65},
	{40, 85, 215}, {140, 45, 170}, {248, 248, 248}, {15, 15, 15},
}

const (
	paintSpread = 10.0  // maximum difference of an object's channels from its paint
	groundApart = 115.0 // minimum distance of the ground's colour from the paint, before slope and grain
	groundSlope = 15.0  // maximum change of a ground's channel from the middle to a corner
	groundGrain = 7.0   // maximum noise of the ground, the same in all channels
	margin      = 1.0   // free pixels along the border
	gap         = 1.5   // minimum pixels between two objects
)

// radii are the minimum and the maximum radius of each size in pixels. It is the radius of the circle around the shape.
var radii = [...][2]float64{{7.2, 8}, {12.5, 13.5}}

// object is a shape at its position.
type object struct {
	x, y, radius float64 // centre and scale of the outline, pixels
	turn         float64 // radians
	paint        rgb
}

// ground is the background: a colour with a linear gradient.
type ground struct {
	middle, slopeX, slopeY rgb // slopes are added at the right and the bottom border
	grain                  float64
	noise                  stream
}

// scene is the random choices of one picture.
type scene struct {
	ground  ground
	objects []object
	shape   outline
}

// Draw is the picture of scene i, RGB [Side, Side, 3]. The same index gives the same bytes.
func (s *Set) Draw(i int) []uint8 {
	scene := s.scene(i)
	pix := make([]uint8, 3*Side*Side)
	scene.ground.draw(pix)
	for _, o := range scene.objects {
		o.draw(pix, scene.shape)
	}
	return pix
}

func (s *Set) scene(i int) scene {
	c := s.Combination(i)
	numbers := s.stream(i, forPicture)
	objects := numbers.objects(c)
	return scene{ground: numbers.ground(c), objects: objects, shape: outlines[c.shape()]}
}

// objects places a combination's objects inside the picture, apart from each other.
func (s *stream) objects(c Combination) []object {
	shape, limits := outlines[c.shape()], radii[c.size()]
	out := make([]object, c.count()+1)
	for i := range out {
		o := &out[i]
		o.radius = s.between(limits[0], limits[1]) / shape.reach
		o.turn = s.between(-shape.turn, shape.turn)
		for channel, v := range paints[c.color()] {
			o.paint[channel] = min(max(v+s.between(-paintSpread, paintSpread), 0), 255)
		}
	}
	for s.scatter(out, shape.reach); !apart(out, shape.reach); { // in the worst case one try in thirty succeeds
		s.scatter(out, shape.reach)
	}
	return out
}

// scatter puts each object at a random position inside the scene.
func (s *stream) scatter(objects []object, reach float64) {
	for i := range objects {
		border := objects[i].radius*reach + margin
		objects[i].x = s.between(border, Side-border)
		objects[i].y = s.between(border, Side-border)
	}
}

func apart(objects []object, reach float64) bool {
	for i, a := range objects {
		for _, b := range objects[:i] {
			if math.Hypot(a.x-b.x, a.y-b.y) < (a.radius+b.radius)*reach+gap {
				return false
			}
		}
	}
	return true
}

// ground chooses a muted colour that differs clearly from the combination's paint.
func (s *stream) ground(c Combination) ground {
	g := ground{middle: s.muted(), grain: s.between(0, groundGrain)}
	for distance(g.middle, paints[c.color()]) < groundApart {
		g.middle = s.muted()
	}
	for channel := range g.middle {
		total := s.between(-groundSlope, groundSlope)
		along := s.unit()
		g.slopeX[channel], g.slopeY[channel] = total*along, total*(1-along)
	}
	g.noise = stream(s.next())
	return g
}

// muted is a random colour near gray, neither white nor black.
func (s *stream) muted() (c rgb) {
	level := s.between(60, 195)
	for channel := range c {
		c[channel] = level + s.between(-25, 25)
	}
	return c
}

func distance(a, b rgb) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

func (g ground) draw(pix []uint8) {
	for y := range Side {
		for x := range Side {
			across, down := float64(2*x)/Side-1, float64(2*y)/Side-1
			grain := g.noise.between(-g.grain, g.grain)
			at := pix[3*(y*Side+x):][:3]
			for channel := range at {
				at[channel] = uint8(g.middle[channel] + g.slopeX[channel]*across + g.slopeY[channel]*down + grain)
			}
		}
	}
}

// draw paints the object over the picture. The coverage of a pixel is the distance of its centre inside the edge, 0 to 1.
func (o object) draw(pix []uint8, shape outline) {
	sin, cos := math.Sincos(o.turn)
	reach := o.radius*shape.reach + 1
	left, right := int(o.x-reach), int(o.x+reach)
	for y := int(o.y - reach); y <= int(o.y+reach); y++ {
		for x := left; x <= right; x++ {
			dx, dy := (float64(x)+0.5-o.x)/o.radius, (float64(y)+0.5-o.y)/o.radius
			cover := 0.5 - o.radius*shape.distance(cos*dx+sin*dy, cos*dy-sin*dx)
			if cover > 0 {
				blend(pix[3*(y*Side+x):][:3], o.paint, min(cover, 1))
			}
		}
	}
}

func blend(at []uint8, paint rgb, cover float64) {
	for channel, v := range paint {
		below := float64(at[channel])
		at[channel] = uint8(below + cover*(v-below) + 0.5)
	}
}
