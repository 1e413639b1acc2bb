// Package shapes draws scenes of simple objects with captions that say what they show: so many large or small objects
// of one colour and shape. A scene is a function of (seed, split, index); some combinations occur in no training scene.
package shapes

import "fmt"

// Version changes with anything that changes a scene or a caption.
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

// Config says which scenes are meant.
type Config struct {
	N          int // scenes
	Seed       uint64
	Split      Split
	LabelNoise float64 // share of the scenes, 0..1, whose captions are those of another combination
	Uncounted  float64 // share of the scenes, 0..1, whose captions don't name the count
}

// Set is a sequence of scenes. It may be used from several goroutines.
type Set struct {
	config       Config
	combinations []Combination // that occur
	captions     [Combinations][]string
	uncounted    [Combinations][]string
}

// New prepares the scenes of a split; none is drawn yet.
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

// Combination is what scene i shows.
func (s *Set) Combination(i int) Combination {
	numbers := s.stream(i, forCombination)
	return s.combinations[numbers.below(len(s.combinations))]
}

// Captions are those of scene i: of what it shows or, for the share under label noise, of another combination of the same
// split; for another share none of them names the count. The slice is shared and not to be changed.
func (s *Set) Captions(i int) []string {
	numbers := s.stream(i, forCount)
	if numbers.unit() < s.config.Uncounted {
		return s.uncounted[s.told(i)]
	}
	return s.captions[s.told(i)]
}

// told is the combination that the captions of scene i tell of.
func (s *Set) told(i int) Combination {
	c := s.Combination(i)
	numbers := s.stream(i, forNoise)
	if numbers.unit() >= s.config.LabelNoise {
		return c
	}
	others := s.combinations[:len(s.combinations)-1]
	told := others[numbers.below(len(others))]
	if told == c {
		told = s.combinations[len(others)] // the last one stands in for the true one
	}
	return told
}

// Key names scene i, "shapes/train/000123".
func (s *Set) Key(i int) string { return fmt.Sprintf("shapes/%s/%06d", s.config.Split, i) }

// Classes are the canonical captions of all combinations, those included that the split does not show.
func Classes() []string {
	out := make([]string, Combinations)
	for i := range out {
		out[i] = Combination(i).Caption()
	}
	return out
}

// Templates are prompts that fit each of the Classes.
func Templates() []string { return templates[:] }
