// Package shapes draws scenes of simple objects with captions that describe them: a number of large or small objects of one colour and
// shape. A scene is a function of (seed, split, index). Some combinations occur in no training scene.
package shapes

import "fmt"

// Version changes whenever a scene or a caption changes.
const Version = 2

// Split is a part of the scenes.
type Split int

// Train and Val show the same combinations in different scenes; Novel shows the others.
const (
	Train Split = iota
	Val
	Novel
)

func (s Split) String() string { return [...]string{"train", "val", "novel"}[s] }

// Config chooses the scenes.
type Config struct {
	N          int // scenes
	Seed       uint64
	Split      Split
	LabelNoise float64 // share of the scenes, 0..1, whose captions are those of another combination
	Uncounted  float64 // share of the scenes, 0..1, whose captions don't name the count
}

// Set is a sequence of scenes. It is safe for concurrent use.
type Set struct {
	config       Config
	combinations []Combination // that occur in the split
	captions     [Combinations][]string
	uncounted    [Combinations][]string
}

// New prepares the scenes of a split. It draws none of them.
func New(c Config) *Set {
	s := &Set{config: c}
	for i := range Combination(Combinations) {
		if i.Novel() == (c.Split == Novel) {
			s.combinations = append(s.combinations, i)
		}
		s.captions[i], s.uncounted[i] = i.Captions(), i.Uncounted()
	}
	return s
}

// Len is the number of scenes.
func (s *Set) Len() int { return s.config.N }

// Combination is the combination that scene i shows.
func (s *Set) Combination(i int) Combination {
	numbers := s.stream(i, forCombination)
	return s.combinations[numbers.below(len(s.combinations))]
}

// Captions are the captions of scene i. For the share LabelNoise of the scenes they describe another combination of the same split, and
// for the share Uncounted none of them names the count. The slice is shared and must not be modified.
func (s *Set) Captions(i int) []string {
	numbers := s.stream(i, forCount)
	if numbers.unit() < s.config.Uncounted {
		return s.uncounted[s.described(i)]
	}
	return s.captions[s.described(i)]
}

// described is the combination that the captions of scene i describe.
func (s *Set) described(i int) Combination {
	c := s.Combination(i)
	numbers := s.stream(i, forNoise)
	if numbers.unit() >= s.config.LabelNoise {
		return c
	}
	others := s.combinations[:len(s.combinations)-1]
	other := others[numbers.below(len(others))]
	if other == c {
		other = s.combinations[len(others)] // the last one takes the place of the correct one
	}
	return other
}

// Key names scene i, "shapes/train/000123".
func (s *Set) Key(i int) string { return fmt.Sprintf("shapes/%s/%06d", s.config.Split, i) }

// Classes are the canonical captions of all combinations, including those that the split doesn't show.
func Classes() []string {
	out := make([]string, Combinations)
	for i := range out {
		out[i] = Combination(i).Caption()
	}
	return out
}

// Templates are prompts that fit each of the Classes.
func Templates() []string { return templates[:] }
