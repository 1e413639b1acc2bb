package eval

import (
	"fmt"
	"math"

	"clipgo/internal/vec"
)

// Anatomy holds statistics of a model's features on pairs: how training has shaped the embedding space.
type Anatomy struct {
	Pairs      int     `json:"pairs"`
	Candidates int     `json:"candidates"`  // number of candidates for each picture or caption: a batch
	LogitScale float64 `json:"logit_scale"` // factor of the cosines

	// Alignment is the mean squared distance between a picture's feature and its caption's. Uniformity is log mean exp(-2 d^2) over
	// the distances d between the features of a tower (Wang and Isola, 2020). Lower is better for both. Equal captions count once.
	Alignment       float64 `json:"alignment"`
	ImageUniformity float64 `json:"image_uniformity"`
	TextUniformity  float64 `json:"text_uniformity"`
	// ModalityGap is the distance between the mean features of the towers (Liang et al., 2022).
	ModalityGap float64 `json:"modality_gap"`
	// Separated is the fraction of pairs whose cosine is greater than that of every wrong pair in the same row or column of a batch.
	Separated float64 `json:"separated"`

	Calibration Calibration `json:"calibration"` // of the softmax over candidates, in both directions

	ImageAttention [][]float64 `json:"image_attention_entropy,omitempty"` // [layer][head]; see Entropy
	TextAttention  [][]float64 `json:"text_attention_entropy,omitempty"`
}

// Pairs are the features of pairs, [n, Dim] each, normalized or not: row i of Images and Texts is a pair.
type Pairs struct {
	Images, Texts []float32
	Dim           int
	Group         []int // pairs with equal captions have equal numbers; they are not wrong pairs for each other
	Scale         float64
	Candidates    int // pairs of a batch; an incomplete last batch is ignored
}

// Dissect computes an Anatomy, without attention.
func Dissect(p Pairs) (Anatomy, error) {
	a := Anatomy{Pairs: len(p.Group), Candidates: min(p.Candidates, len(p.Group)), LogitScale: p.Scale}
	if len(p.Images) != len(p.Texts) || len(p.Images) != len(p.Group)*p.Dim || a.Candidates < 2 {
		return a, fmt.Errorf("anatomy: %d and %d values for %d pairs of %d, %d at a time", len(p.Images), len(p.Texts), len(p.Group),
			p.Dim, p.Candidates)
	}
	for what, x := range map[string][]float32{"image features": p.Images, "text features": p.Texts} {
		if err := checkRows(what, x, p.Dim); err != nil {
			return a, err
		}
	}
	images, texts := vec.Units(p.Images, p.Dim), vec.Units(p.Texts, p.Dim)
	for at := range images {
		d := images[at] - texts[at]
		a.Alignment += d * d / float64(a.Pairs)
	}
	a.ImageUniformity, a.TextUniformity = uniformity(images, p.Dim), uniformity(distinct(texts, p.Dim, p.Group), p.Dim)
	a.ModalityGap = gap(images, texts, p.Dim)
	a.compare(p, images, texts)
	return a, nil
}

// distinct keeps the first row of each group.
func distinct(rows []float64, dim int, group []int) (out []float64) {
	seen := map[int]bool{}
	for i, g := range group {
		if !seen[g] {
			seen[g] = true
			out = append(out, rows[i*dim:(i+1)*dim]...)
		}
	}
	return out
}

// uniformity is log mean exp(-2 d^2) over all pairs of different rows; 0 for a single row.
func uniformity(rows []float64, dim int) float64 {
	n := len(rows) / dim
	var sum float64
	for i := range n {
		for j := range i {
			var square float64
			a, b := rows[i*dim:(i+1)*dim], rows[j*dim:(j+1)*dim]
			for k, v := range a {
				square += (v - b[k]) * (v - b[k])
			}
			sum += math.Exp(-2 * square)
		}
	}
	if n < 2 {
		return 0
	}
	return math.Log(sum / float64(n*(n-1)/2))
}

func gap(images, texts []float64, dim int) float64 {
	difference := make([]float64, dim)
	n := float64(len(images) / dim)
	for at := range images {
		difference[at%dim] += (images[at] - texts[at]) / n
	}
	var square float64
	for _, v := range difference {
		square += v * v
	}
	return math.Sqrt(square)
}

// compare computes Separated and the calibration, batch by batch.
func (a *Anatomy) compare(p Pairs, images, texts []float64) {
	separated, compared := 0, 0
	for from := 0; from+a.Candidates <= a.Pairs; from += a.Candidates {
		b := newSquare(images, texts, p, from, a.Candidates)
		separated += b.separated()
		compared += b.n
		for i := range b.n {
			a.Calibration.add(b.answer(i, b.row))
			a.Calibration.add(b.answer(i, b.column))
		}
	}
	a.Separated = float64(separated) / float64(compared)
	a.Calibration.finish()
}

// square holds the cosines of a batch: a row for each picture, a column for each caption.
type square struct {
	n       int
	scale   float64
	cosines []float64
	group   []int
}

func newSquare(images, texts []float64, p Pairs, from, n int) square {
	s := square{n: n, scale: p.Scale, cosines: make([]float64, n*n), group: p.Group[from : from+n]}
	for i := range n {
		for j := range n {
			for k := range p.Dim {
				s.cosines[i*n+j] += images[(from+i)*p.Dim+k] * texts[(from+j)*p.Dim+k]
			}
		}
	}
	return s
}

func (s square) row(i, j int) float64    { return s.cosines[i*s.n+j] }
func (s square) column(i, j int) float64 { return s.cosines[j*s.n+i] }

// separated counts the pairs whose cosine is greater than that of all wrong pairs in their row and column.
func (s square) separated() (count int) {
	for i := range s.n {
		own, apart := s.row(i, i), true
		for j := range s.n {
			if s.group[j] != s.group[i] && (s.row(i, j) >= own || s.column(i, j) >= own) {
				apart = false
			}
		}
		if apart {
			count++
		}
	}
	return count
}

// answer returns the softmax's prediction for one row or column: its probability, and whether it is right. Candidates with the same
// caption are one prediction; ties are broken by the lowest group.
func (s square) answer(i int, cosine func(i, j int) float64) (confidence float64, right bool) {
	highest := math.Inf(-1)
	for j := range s.n {
		highest = max(highest, cosine(i, j))
	}
	shares, total := map[int]float64{}, 0.0
	for j := range s.n {
		e := math.Exp(s.scale * (cosine(i, j) - highest))
		shares[s.group[j]] += e
		total += e
	}
	best := s.group[i]
	for g, share := range shares {
		if share > shares[best] || share == shares[best] && g < best {
			best = g
		}
	}
	return shares[best] / total, best == s.group[i]
}
