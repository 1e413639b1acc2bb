package shapes

import (
	"fmt"
	"strings"
)

// Combination numbers a colour, a shape, a size and a count that all objects of a scene share: 0..Combinations-1.
type Combination int

var (
	colors = [...]string{"red", "orange", "yellow", "green", "blue", "purple", "white", "black"}
	shapes = [...]string{"circle", "square", "triangle", "star", "cross", "ring"}
	sizes  = [...]string{"small", "large"}
	counts = [...]string{"one", "two", "three"}
)

// Combinations is how many there are.
const Combinations = len(colors) * len(shapes) * len(sizes) * len(counts)

// templates fit the canonical captions of all combinations.
var templates = [...]string{"{}", "a picture of {}", "an image of {}"}

func (c Combination) color() int { return int(c) % len(colors) }
func (c Combination) shape() int { return int(c) / len(colors) % len(shapes) }
func (c Combination) size() int  { return int(c) / (len(colors) * len(shapes)) % len(sizes) }
func (c Combination) count() int { return int(c) / (len(colors) * len(shapes) * len(sizes)) }

// Novel says whether the combination is kept from train and val: a twelfth of them. In one of its two sizes, each colour
// leaves out another shape for each count, so that each value and each pair of values still occurs in train.
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

// Uncounted are captions of the scene that leave open how many objects it shows.
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

// Captions are what the scene may be called, the canonical caption first.
func (c Combination) Captions() []string {
	canonical := c.Caption()
	out := []string{canonical, "a picture of " + canonical, "an image of " + canonical}
	if c.count() > 0 {
		return append(out, "there are "+canonical)
	}
	return append(out, "there is "+canonical, "a "+c.noun(), "a picture of a "+c.noun())
}
