package eval

import (
	"errors"
	"math"
	"strings"
	"unicode"

	"clipgo/internal/vec"
)

// Described is a generated caption of a picture, with reference captions.
type Described struct {
	Caption    string
	References []string
}

// Captions are the scores of generated captions, as fractions: COCO's tables show percent.
type Captions struct {
	N         int     `json:"n"`
	BLEU4     float64 `json:"bleu_4"`
	CIDEr     float64 `json:"cider"` // CIDEr-D, from 0 to 10
	Empty     int     `json:"empty"` // captions without a word, which score 0
	MeanWords float64 `json:"mean_words"`
}

// ErrNoReferences reports a picture without reference captions.
var ErrNoReferences = errors.New("score captions: a picture has no caption to compare with")

// ScoreCaptions scores captions against references as the COCO caption evaluation does. Words are lower-cased runs of letters and
// digits; punctuation is ignored.
func ScoreCaptions(all []Described) (Captions, error) {
	out := Captions{N: len(all)}
	cooked := make([]cooked, len(all))
	for i, d := range all {
		if len(d.References) == 0 {
			return out, ErrNoReferences
		}
		cooked[i] = cook(d)
		if len(cooked[i].caption) == 0 {
			out.Empty++
		}
		out.MeanWords += float64(len(cooked[i].caption)) / float64(len(all))
	}
	out.BLEU4, out.CIDEr = bleu(cooked), cider(cooked)
	return out, nil
}

// cooked is a Described, split into words.
type cooked struct {
	caption    []string
	references [][]string
}

func cook(d Described) cooked {
	c := cooked{caption: captionWords(d.Caption)}
	for _, r := range d.References {
		c.references = append(c.references, captionWords(r))
	}
	return c
}

// captionWords splits a caption into words. A clitic (the s of dog's) is a word of its own; a hyphen joins words.
func captionWords(caption string) []string {
	text := strings.ReplaceAll(strings.ToLower(caption), "'", " '")
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-'
	})
	var out []string
	for _, w := range words {
		if w = strings.TrimRight(strings.Trim(w, "-"), "'"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// longestGram is the n of the longest n-grams that are compared.
const longestGram = 4

// grams counts the n-grams of 1 to 4 words by their text, with n for each.
func grams(words []string) [longestGram]map[string]int {
	var out [longestGram]map[string]int
	for n := range out {
		out[n] = map[string]int{}
		for i := 0; i+n < len(words); i++ {
			out[n][strings.Join(words[i:i+n+1], " ")]++
		}
	}
	return out
}

// bleu is corpus BLEU-4 (Papineni et al., 2002). The brevity penalty uses the reference that is closest in length.
func bleu(all []cooked) float64 {
	var matched, guessed [longestGram]float64
	var length, nearest float64
	for _, c := range all {
		most := [longestGram]map[string]int{}
		near := c.references[0]
		for i, r := range c.references {
			for n, counts := range grams(r) {
				if i == 0 {
					most[n] = map[string]int{}
				}
				for g, k := range counts {
					most[n][g] = max(most[n][g], k)
				}
			}
			if a, b := off(r, c.caption), off(near, c.caption); a < b || a == b && len(r) < len(near) {
				near = r
			}
		}
		for n, counts := range grams(c.caption) {
			guessed[n] += float64(max(0, len(c.caption)-n))
			for g, k := range counts {
				matched[n] += float64(min(k, most[n][g]))
			}
		}
		length, nearest = length+float64(len(c.caption)), nearest+float64(len(near))
	}
	const tiny, small = 1e-15, 1e-9 // COCO's, against division by 0
	product := 1.0
	for n := range matched {
		product *= (matched[n] + tiny) / (guessed[n] + small)
	}
	score := math.Pow(product, 1.0/longestGram)
	if ratio := (length + tiny) / (nearest + small); ratio < 1 {
		score *= math.Exp(1 - 1/ratio)
	}
	return score
}

func off(reference, caption []string) int {
	d := len(reference) - len(caption)
	return max(d, -d)
}

// CLIPScore is the mean of 2.5 max(cos, 0) over pictures and their generated captions (Hessel et al., 2021); features are [n, dim] each.
func CLIPScore(images, captions []float32, dim int) float64 {
	a, b := vec.Units(images, dim), vec.Units(captions, dim)
	sum, cos := 0.0, make([]float64, 1)
	for i := 0; i < len(a); i += dim {
		vec.Dots(cos, a[i:i+dim], b[i:i+dim])
		sum += 2.5 * max(cos[0], 0)
	}
	return sum / float64(max(1, len(a)/dim))
}
