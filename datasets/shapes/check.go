package shapes

import (
	"slices"
	"strings"
)

// Said is what a caption says about a scene. An attribute is empty if the caption doesn't name it or contradicts itself.
type Said struct{ Color, Shape, Count string }

// Read takes colour, shape and count from a caption and ignores other words. "a" is a count of one, except in "a picture of". If a
// caption has two different words for an attribute, the attribute is empty.
func Read(caption string) Said {
	words := strings.Fields(strings.ToLower(caption))
	paints, kinds, numbers := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, w := range words {
		w = strings.Trim(w, ".,;:!?\"'()")
		switch {
		case slices.Contains(colors[:], w):
			paints[w] = true
		case slices.Contains(counts[:], w):
			numbers[w] = true
		case (w == "a" || w == "an") && !(i+1 < len(words) && (words[i+1] == "picture" || words[i+1] == "image")):
			numbers[counts[0]] = true
		}
		for _, shape := range shapes {
			if w == shape || w == shape+"s" || w == shape+"es" {
				kinds[shape] = true
			}
		}
	}
	return Said{Color: only(paints), Shape: only(kinds), Count: only(numbers)}
}

// only is the word of a set of one, else empty.
func only(set map[string]bool) string {
	if len(set) != 1 {
		return ""
	}
	for w := range set {
		return w
	}
	return ""
}

// Said is what a correct caption says about the combination.
func (c Combination) Said() Said {
	return Said{Color: colors[c.color()], Shape: shapes[c.shape()], Count: counts[c.count()]}
}
