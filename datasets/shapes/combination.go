package shapes

import (
	"fmt"
	"strings"
)

// Combination is a number, 0..Combinations-1, for a scene's count of objects and the colour, shape and size that all of them have.
type Combination int

var (
	colors = [...]string{"red", "orange", "yellow", "green", "blue", "purple", "white", "black"}
	shapes = [...]string{"circle", "square", "triangle", "star", "cross", "ring"}
	sizes  = [...]string{"small", "large"}
	counts = [...]string{"one", "two", "three"}
)

// Combinations is the number of combinations.
const Combinations = len(colors) * len(shapes) * len(sizes) * len(counts)

// templates fit the canonical captions of all combinations.
var templates = [...]string{"{}", "a picture of {}", "an image of {}"}

func (c Combination) color() int { return int(c) % len(colors) }
func (c Combination) shape() int { return int(c) / len(colors) % len(shapes) }
func (c Combination) size() int  { return int(c) / (len(colors) * len(shapes)) % len(sizes) }
func (c Combination) count() int { return int(c) / (len(colors) * len(shapes) * len(sizes)) }

// Novel reports whether the combination is absent from train and val, as a twelfth of them are. In one of its two sizes each colour leaves
// out another shape for each count, so that each value and each pair of values still occurs in train.
func (c Combination) Novel() bool {
	return c.size() == c.color()/4 && (c.color()+c.shape()+3*c.size()+2*c.count())%6 == 0
}

// Caption is the canonical caption, "two large blue stars".
func (c Combination) Caption() string {
	return fmt.Sprintf("%s %s", counts[c.count()], c.noun())
}

func (c Combination) noun() string {
	s := fmt.Sprintf("%s %s %s", sizes[c.size()], colors[c.color()], shapes[c.shape()])
	switch {
	case c.count() == 0:
		return s
	case strings.HasSuffix(s, "s"): // cross
		return s + "es"
	}
	return s + "s"
}

// Uncounted are captions of the scene that don't name the number of objects.
func (c Combination) Uncounted() (out []string) {
	articles := []string{"the", "any", "our"}
	if c.count() > 0 {
		articles = []string{"the", "our", "these", "those"}
	}
	for _, article := range articles {
		for _, frame := range templates {
			out = append(out, strings.ReplaceAll(frame, "{}", article+" "+c.noun()))
		}
	}
	return out
}

// Captions are the captions of the scene, the canonical one first.
func (c Combination) Captions() []string {
	canonical := c.Caption()
	out := []string{canonical, "a picture of " + canonical, "an image of " + canonical}
	if c.count() > 0 {
		return append(out, "there are "+canonical)
	}
	return append(out, "there is "+canonical, "a "+c.noun(), "a picture of a "+c.noun())
}
