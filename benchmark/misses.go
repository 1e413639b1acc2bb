package benchmark

import (
	"clipgo/internal/vec"
	"clipgo/pretrained"
)

// searchedMisses is the number of captions of which the wrong pictures are looked for: a part of all in a large set.
const searchedMisses = 500

// miss keeps the captions that found a wrong picture with the highest cosine. Of many such captions every k-th is considered.
func (o *outcome) miss(test *pretrained.Features) {
	var wrong []int
	for text, hit := range o.hits {
		if hit == '0' {
			wrong = append(wrong, text)
		}
	}
	if len(wrong) == 0 {
		return
	}
	step := (len(wrong) + searchedMisses - 1) / searchedMisses
	images := vec.Units(test.Images, test.Dim)
	scores := make([]float64, len(test.Index))
	for i := 0; i < len(wrong); i += step {
		text, right := wrong[i], test.TextImage[wrong[i]]
		vec.Dots(scores, vec.Units(test.Texts[text*test.Dim:(text+1)*test.Dim], test.Dim), images)
		best := -1
		for image, score := range scores {
			if image != right && (best < 0 || score > scores[best]) {
				best = image
			}
		}
		if best < 0 {
			continue
		}
		o.remember(Mistake{
			Index: test.Index[best], Sample: test.Entries[best].Key, Label: test.Captions[text], Confidence: scores[best],
			Answer: &Answer{Index: test.Index[right], Sample: test.Entries[right].Key, Cosine: scores[right]},
		})
	}
}
