package eval

import (
	"fmt"

	"clipgo/internal/vec"
)

// Choice is the result of choosing captions for pictures, as fractions. For Winoground these are its text, image and group scores.
type Choice struct {
	Text  float64 `json:"text_acc"`  // every picture scores highest with its own caption
	Image float64 `json:"image_acc"` // every caption scores highest with its own picture; 1 with one picture
	Both  float64 `json:"acc"`
	// TextStrict counts only samples in which the right caption scores higher than all others: a tie is a miss, as papers count.
	TextStrict float64 `json:"text_acc_strict"`
	N          int     `json:"n"`
}

// Chosen is the outcome for one sample.
type Chosen struct{ Text, Image, TextStrict bool }

// Choose judges one sample: scores [images, captions], picture i belongs to caption i. Of equal scores the first counts as the highest.
func Choose(scores []float32, images, captions int) (Chosen, error) {
	if images < 1 || captions < 1 || len(scores) != images*captions {
		return Chosen{}, fmt.Errorf("choice: %d scores for %d pictures and %d captions", len(scores), images, captions)
	}
	out := Chosen{true, true, true}
	own := min(images, captions)
	for i := range own {
		row := scores[i*captions : (i+1)*captions]
		out.Text = out.Text && first(row) == i
		for j, v := range row {
			out.TextStrict = out.TextStrict && (j == i || v < row[i])
		}
		column := make([]float32, images)
		for k := range column {
			column[k] = scores[k*captions+i]
		}
		out.Image = out.Image && first(column) == i
	}
	return out, nil
}

// Choices are the shares over samples.
func Choices(all []Chosen) Choice {
	r := Choice{N: len(all)}
	count := func(yes bool, to *float64) {
		if yes {
			*to++
		}
	}
	for _, c := range all {
		count(c.Text, &r.Text)
		count(c.Image, &r.Image)
		count(c.Text && c.Image, &r.Both)
		count(c.TextStrict, &r.TextStrict)
	}
	for _, share := range []*float64{&r.Text, &r.Image, &r.Both, &r.TextStrict} {
		*share /= float64(len(all)) // once: sums of 1/n can be above 1
	}
	return r
}

// Scores are the cosines of pictures and captions of one sample, [pictures, captions].
func Scores(images, captions []float32, dim int) []float32 {
	a, b := vec.Units(images, dim), vec.Units(captions, dim)
	row := make([]float64, len(captions)/dim)
	var out []float32
	for i := 0; i < len(a); i += dim {
		vec.Dots(row, a[i:i+dim], b)
		for _, v := range row {
			out = append(out, float32(v))
		}
	}
	return out
}

// ChoiceChance is the probability that random scores, all different, are right in both directions: 1/2 for a picture with two captions, 1/6
// for Winoground's two pictures with two captions. It is 0 where it isn't known.
func ChoiceChance(images, captions int) float64 {
	if images == 1 {
		return 1 / float64(captions)
	}
	if images == 2 && captions == 2 {
		return 1.0 / 6
	}
	return 0
}
