package shapes

import (
	"fmt"
	"strings"
)

// fillers stand where a caption names the count and say nothing of it. Those in a row have as many letters as the count,
// and each is one word and one token, as it is, so that what a caption's length is does not depend on which it names.
var fillers = [len(counts)][2]string{{"the", "any"}, {"the", "our"}, {"these", "those"}}

// frames are what a caption may stand in, the short one first.
var frames = [...]string{"{}", "a picture of {}", "an image of {}"}

// Preference is two captions of scene i, both true: the better one names the count. In a fourth of the scenes the better
// one is longer, in a fourth the worse one, in the others both have the same words, letters and tokens.
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

// BetterFirst says whether scene i's pair is shown with its better caption first: a coin.
func (s *Set) BetterFirst(i int) bool {
	numbers := s.stream(i, forSide)
	return numbers.below(2) == 0
}
