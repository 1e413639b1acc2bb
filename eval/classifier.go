package eval

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"clipgo/internal/vec"
)

// LogitScale is the factor from cosines to logits. CLIP's published evaluations use it whatever scale the model has learned.
const LogitScale = 100

// Classifier holds the weights of a zero-shot classifier: a unit vector for each class in the embedding space.
type Classifier struct {
	Classes []string
	Dim     int
	Weights []float32 // [classes, Dim], unit rows
}

// Prompts holds the settings for embedding class names.
type Prompts struct {
	Classes, Templates []string
	// ByClass are the finished prompts of each class in the order of Classes, in place of Templates; nil: Templates.
	ByClass       []ClassPrompts
	Fill          func(ids []int32, text string) int // the tokenizer's
	ContextLength int
	BatchSize     int // prompts embedded at once; 0 means 256
}

// Label is a class with its share of the softmax over all classes, and the cosine that the share is computed from. Of a single class
// the share is always 1: only the cosine says something.
type Label struct {
	Label  string  `json:"label"`
	Score  float64 `json:"score"`
	Cosine float64 `json:"cosine"`
}

// NewClassifier embeds each class name with every template, normalizes the features, and takes the normalized mean as the class's weight
// (CLIP paper, section 3.1.4).
func NewClassifier(ctx context.Context, e Embedder, p Prompts) (*Classifier, error) {
	texts, ends, err := p.texts()
	if err != nil {
		return nil, err
	}
	c := &Classifier{Classes: p.Classes, Dim: e.Dim()}
	var features []float32 // of the classes from begin on
	begin := 0
	err = p.embed(ctx, e, texts, func(rows []float32) {
		features = append(features, rows...)
		for n := len(c.Weights) / c.Dim; n < len(ends); n++ {
			own := (ends[n] - begin) * c.Dim
			if len(features) < own {
				break
			}
			c.Weights = append(c.Weights, vec.MeanDirection(features[:own], c.Dim)...)
			features, begin = features[own:], ends[n]
		}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// texts are the prompts class by class, and of each class the number of prompts up to its last one.
func (p Prompts) texts() (texts []string, ends []int, err error) {
	if len(p.Classes) == 0 || len(p.Templates) == 0 && p.ByClass == nil {
		return nil, nil, fmt.Errorf("a classifier needs classes and templates, got %d and %d", len(p.Classes), len(p.Templates))
	}
	if p.ByClass != nil && len(p.ByClass) != len(p.Classes) {
		return nil, nil, fmt.Errorf("a classifier got the prompts of %d classes for %d", len(p.ByClass), len(p.Classes))
	}
	for i, class := range p.Classes {
		if p.ByClass == nil {
			for _, t := range p.Templates {
				texts = append(texts, Prompt(t, class))
			}
		} else if own := p.ByClass[i].Prompts; len(own) > 0 {
			texts = append(texts, own...)
		} else {
			return nil, nil, fmt.Errorf("a classifier got no prompts for the class %q", class)
		}
		ends = append(ends, len(texts))
	}
	return texts, ends, nil
}

// embed yields the features of all prompts, class by class, in batches that may end within a class.
func (p Prompts) embed(ctx context.Context, e Embedder, texts []string, take func(rows []float32)) error {
	size, total := p.BatchSize, len(texts)
	if size <= 0 {
		size = 256
	}
	ids := make([]int32, min(size, total)*p.ContextLength)
	for from := 0; from < total; from += size {
		n := min(size, total-from)
		for i := range n {
			p.Fill(ids[i*p.ContextLength:(i+1)*p.ContextLength], texts[from+i])
		}
		rows, err := e.EmbedTokens(ctx, ids[:n*p.ContextLength], n)
		if err != nil {
			return fmt.Errorf("embed prompts: %w", err)
		}
		if len(rows) != n*e.Dim() {
			return fmt.Errorf("embed prompts: %d values for %d prompts of %d", len(rows), n, e.Dim())
		}
		if err := checkRows("features of prompts", rows, e.Dim()); err != nil {
			return err
		}
		take(rows)
	}
	return nil
}

// Logits returns [n, classes]: LogitScale times the cosine of each image feature with each class.
func (c *Classifier) Logits(features []float32) ([]float32, error) {
	if err := checkRows("image features", features, c.Dim); err != nil {
		return nil, err
	}
	classes := len(c.Classes)
	out := make([]float32, len(features)/c.Dim*classes)
	row, weights := make([]float64, c.Dim), make([]float64, len(c.Weights))
	for i, w := range c.Weights {
		weights[i] = float64(w)
	}
	scores := make([]float64, classes)
	for n := range len(features) / c.Dim {
		vec.Unit(row, features[n*c.Dim:(n+1)*c.Dim])
		vec.Dots(scores, row, weights)
		for i, s := range scores {
			out[n*classes+i] = float32(LogitScale * s)
		}
	}
	return out, nil
}

// Rank returns the top classes of one image feature, best first, with the softmax of the logits as scores.
func (c *Classifier) Rank(feature []float32, top int) ([]Label, error) {
	logits, err := c.Logits(feature)
	if err != nil {
		return nil, err
	}
	if len(logits) != len(c.Classes) {
		return nil, fmt.Errorf("ranking takes one feature of %d values, got %d", c.Dim, len(feature))
	}
	highest := float64(slices.Max(logits))
	labels, sum := make([]Label, len(logits)), 0.0
	for i, l := range logits {
		labels[i] = Label{c.Classes[i], math.Exp(float64(l) - highest), float64(l) / LogitScale}
		sum += labels[i].Score
	}
	slices.SortStableFunc(labels, func(a, b Label) int { return cmp.Compare(b.Score, a.Score) })
	labels = labels[:min(max(top, 0), len(labels))]
	for i := range labels {
		labels[i].Score /= sum
	}
	return labels, nil
}
