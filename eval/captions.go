package eval

import (
	"errors"
	"math"
	"strings"

	"clipgo/eval/ptb"
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
	BLEU1     float64 `json:"bleu_1"`
	BLEU2     float64 `json:"bleu_2"`
	BLEU3     float64 `json:"bleu_3"`
	BLEU4     float64 `json:"bleu_4"`
	ROUGEL    float64 `json:"rouge_l"`
	CIDEr     float64 `json:"cider"` // CIDEr-D, from 0 to 10
	Empty     int     `json:"empty"` // captions without a word, which score 0
	MeanWords float64 `json:"mean_words"`
}

// ErrNoReferences reports a picture without reference captions.
var ErrNoReferences = errors.New("score captions: a picture has no caption to compare with")

// NotComputed are scores of pycocoevalcap that ScoreCaptions doesn't have, with the reason.
var NotComputed = map[string]string{
	"METEOR": "it is defined by a Java program with tables of synonyms and paraphrases; without them it would be another number",
	"SPICE":  "it is defined by a Java program that downloads a parser of English",
}

// ScoreCaptions scores captions against references as pycocoevalcap does. Words are those of package ptb.
func ScoreCaptions(all []Described) (Captions, error) {
	out := Captions{N: len(all)}
	split := make([]cooked, len(all))
	for i, d := range all {
		if len(d.References) == 0 {
			return out, ErrNoReferences
		}
		split[i] = cook(d)
	}
	out.score(split)
	return out, nil
}

// score fills in the scores of captions that are split into words.
func (c *Captions) score(all []cooked) {
	for _, one := range all {
		if len(one.caption) == 0 {
			c.Empty++
		}
		c.MeanWords += float64(len(one.caption)) / float64(len(all))
		c.ROUGEL += rougeL(one) / float64(len(all))
	}
	scores := bleu(all)
	c.BLEU1, c.BLEU2, c.BLEU3, c.BLEU4 = scores[0], scores[1], scores[2], scores[3]
	c.CIDEr = mean(cider(all))
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}

// cooked is a Described, split into words.
type cooked struct {
	caption    []string
	references [][]string
}

func cook(d Described) cooked {
	c := cooked{caption: ptb.Words(d.Caption)}
	for _, r := range d.References {
		c.references = append(c.references, ptb.Words(r))
	}
	return c
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

// bleu is corpus BLEU with n-grams up to 1, 2, 3 and 4 words (Papineni et al., 2002). The brevity penalty uses the reference that is
// closest in length.
func bleu(all []cooked) (scores [longestGram]float64) {
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
	ratio := (length + tiny) / (nearest + small)
	for n := range matched {
		product *= (matched[n] + tiny) / (guessed[n] + small)
		scores[n] = math.Pow(product, 1/float64(n+1))
		if ratio < 1 {
			scores[n] *= math.Exp(1 - 1/ratio)
		}
	}
	return scores
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
