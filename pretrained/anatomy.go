package pretrained

import (
	"context"
	"fmt"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/torch"
	"clipgo/model"
)

// Anatomy computes statistics of the pass's features, in batches of so many candidates, and of the attention on a sample of the source
// (0: none).
func (p *Pass) Anatomy(ctx context.Context, candidates, sample int) (a eval.Anatomy, err error) {
	if _, err := p.Features(ctx); err != nil {
		return a, err
	}
	pairs := p.firstPairs()
	if len(p.last.Captions) == 0 {
		if pairs, err = p.classPairs(ctx); err != nil {
			return a, err
		}
	}
	pairs.Candidates = min(candidates, len(pairs.Group))
	if pairs.Candidates < 2 {
		return a, &datasets.DataError{Source: p.Source.Info().Name, Reason: "one pair alone has nothing to be compared with"}
	}
	if pairs.Scale, err = p.Embedder.LogitScale(ctx); err != nil {
		return a, err
	}
	if a, err = eval.Dissect(pairs); err != nil || sample == 0 {
		return a, err
	}
	a.ImageAttention, a.TextAttention, err = p.attention(ctx, sample)
	return a, err
}

// LogitScale is the factor from cosines to logits that the model has learned.
func (m *Embedder) LogitScale(ctx context.Context) (scale float64, err error) {
	err = torch.Do(ctx, func(s *torch.Scope) error {
		scale = m.Scale(s).Item()
		return nil
	})
	return scale, err
}

// firstPairs are the pictures with their first captions.
func (p *Pass) firstPairs() eval.Pairs {
	f, dim := &p.last, p.last.Dim
	pairs := eval.Pairs{Dim: dim}
	groups := map[string]int{}
	last := -1
	for t, row := range f.TextImage {
		if row == last {
			continue
		}
		last = row
		if _, known := groups[f.Captions[t]]; !known {
			groups[f.Captions[t]] = len(groups)
		}
		pairs.Group = append(pairs.Group, groups[f.Captions[t]])
		pairs.Images = append(pairs.Images, f.Images[row*dim:(row+1)*dim]...)
		pairs.Texts = append(pairs.Texts, f.Texts[t*dim:(t+1)*dim]...)
	}
	return pairs
}

// classPairs are the pictures of class folders with the names of their classes.
func (p *Pass) classPairs(ctx context.Context) (eval.Pairs, error) {
	f, dim := &p.last, p.last.Dim
	pairs := eval.Pairs{Dim: dim}
	names, err := p.Embedder.EmbedTexts(ctx, p.Source.Info().Classes)
	if err != nil {
		return pairs, err
	}
	for i, label := range f.Labels {
		if label >= 0 && label*dim < len(names) {
			pairs.Group = append(pairs.Group, label)
			pairs.Images = append(pairs.Images, f.Images[i*dim:(i+1)*dim]...)
			pairs.Texts = append(pairs.Texts, names[label*dim:(label+1)*dim]...)
		}
	}
	return pairs, nil
}

// named is a source whose samples without a caption have the name of their class.
type named struct{ datasets.Source }

// Entry is the source's, with a caption.
func (n named) Entry(ctx context.Context, i int) (datasets.Entry, error) {
	e, err := n.Source.Entry(ctx, i)
	if classes := n.Source.Info().Classes; err == nil && len(e.Captions) == 0 && e.Label >= 0 && e.Label < len(classes) {
		e.Captions = []string{classes[e.Label]}
	}
	return e, err
}

// attention is the entropy of both towers' attention on a sample that is spread over the source.
func (p *Pass) attention(ctx context.Context, sample int) (image, text [][]float64, err error) {
	tokens, err := p.Embedder.Tokenizer()
	if err != nil {
		return nil, nil, err
	}
	loader := p.Embedder.Loader(datasets.Sample(named{p.Source}, sample))
	loader.Tokens, loader.MaxSkip = tokens.FillCut, 1
	var images, texts eval.Entropy
	for b, err := range loader.Batches(ctx, 0, int64(loader.Source.Len())) {
		if err != nil {
			return nil, nil, fmt.Errorf("look at attention: %w", err)
		}
		if b.N == 0 {
			continue
		}
		err = p.Embedder.AttendImages(ctx, b.Pixels, b.N, func(_ int, a model.Attention) { images.Add(weightsOfLayer(a)) })
		if err != nil {
			return nil, nil, err
		}
		causal := p.Embedder.Config.Text.Causal()
		err = p.Embedder.AttendTokens(ctx, b.IDs, b.N, func(from int, a model.Attention) {
			m := weightsOfLayer(a)
			if m.Causal = causal; causal {
				m.Used = b.Lengths[from : from+a.Batch]
			}
			texts.Add(m)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return images.Mean(), texts.Mean(), nil
}

func weightsOfLayer(a model.Attention) eval.Maps {
	return eval.Maps{Layer: a.Layer, Batch: a.Batch, Heads: a.Heads, Length: a.Length, Weights: a.Weights}
}
