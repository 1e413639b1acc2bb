package eval

import "fmt"

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
			*to += 1 / float64(len(all))
		}
	}
	for _, c := range all {
		count(c.Text, &r.Text)
		count(c.Image, &r.Image)
		count(c.Text && c.Image, &r.Both)
		count(c.TextStrict, &r.TextStrict)
	}
	return r
}
