package shapes

import (
	"fmt"
	"strings"
)

// fillers take the place of the count in captions that don't name it. Each row has words with as many letters as the count. Like the count,
// each is one word and one token, so the length of a caption doesn't depend on whether it names the count.
var fillers = [len(counts)][2]string{{"the", "any"}, {"the", "our"}, {"these", "those"}}

// frames are the texts around a caption, the short one first.
var frames = [...]string{"{}", "a picture of {}", "an image of {}"}

// Preference is two captions of scene i, both true. The better one names the count. In a quarter of the scenes the better one is longer,
// in a quarter the worse one, and in the others both have the same number of words, letters and tokens.
func (s *Set) Preference(i int) (better, worse string) {
	c := s.Combination(i)
	numbers := s.stream(i, forPreference)
	good := fmt.Sprintf("%s %s", counts[c.count()], c.noun())
	poor := fmt.Sprintf("%s %s", fillers[c.count()][numbers.below(2)], c.noun())
	long := 1 + numbers.below(len(frames)-1)
	around := [2]int{0, long} // the frames of the two
	switch i % 4 {
	case 0:
		around = [2]int{long, 0}
	case 1, 2:
		same := numbers.below(len(frames))
		around = [2]int{same, same}
	}
	return framed(around[0], good), framed(around[1], poor)
}

func framed(frame int, text string) string { return strings.ReplaceAll(frames[frame], "{}", text) }

// BetterFirst reports whether the better caption of scene i's pair comes first. It is true for a random half of the scenes.
func (s *Set) BetterFirst(i int) bool {
	numbers := s.stream(i, forSide)
	return numbers.below(2) == 0
}
