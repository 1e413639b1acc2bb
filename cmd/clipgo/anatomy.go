package main

import (
	"context"
	"fmt"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/report"
	"clipgo/internal/torch"
	"clipgo/model"
)

// anatomy looks at the features that embed has made, in batches of so many candidates, and at the attention of a sample.
func (v *validation) anatomy(ctx context.Context, candidates, sample int) (a eval.Anatomy, err error) {
	p := v.firstPairs()
	p.Candidates = min(candidates, len(p.Group))
	if p.Candidates < 2 {
		return a, &datasets.DataError{Source: v.source.Info().Name, Reason: "one pair alone has nothing to be compared with"}
	}
	err = torch.Do(ctx, func(s *torch.Scope) error {
		p.Scale = v.embedder.Scale(s).Item()
		return nil
	})
	if err != nil {
		return a, err
	}
	if a, err = eval.Dissect(p); err != nil || sample == 0 {
		return a, err
	}
	a.ImageAttention, a.TextAttention, err = v.attention(ctx, sample)
	return a, err
}

// firstPairs are the pictures with their first captions.
func (v *validation) firstPairs() eval.Pairs {
	f, dim := v.last, v.embedder.Dim()
	p := eval.Pairs{Dim: dim}
	groups := map[string]int{}
	last := -1
	for t, row := range f.textImage {
		if row == last {
			continue
		}
		last = row
		if _, known := groups[f.captions[t]]; !known {
			groups[f.captions[t]] = len(groups)
		}
		p.Group = append(p.Group, groups[f.captions[t]])
		p.Images = append(p.Images, f.images[row*dim:(row+1)*dim]...)
		p.Texts = append(p.Texts, f.texts[t*dim:(t+1)*dim]...)
	}
	return p
}

// attention is the entropy of both towers' attention on a sample spread over the data.
func (v *validation) attention(ctx context.Context, sample int) (image, text [][]float64, err error) {
	tokens, err := v.embedder.Tokenizer()
	if err != nil {
		return nil, nil, err
	}
	loader := v.embedder.Loader(datasets.Sample(v.source, sample))
	loader.Tokens, loader.MaxSkip = tokens.FillCut, 1
	var images, texts eval.Entropy
	for b, err := range loader.Batches(ctx, 0, int64(loader.Source.Len())) {
		if err != nil {
			return nil, nil, fmt.Errorf("look at attention: %w", err)
		}
		if b.N == 0 {
			continue
		}
		err = v.embedder.AttendImages(ctx, b.Pixels, b.N, func(_ int, a model.Attention) { images.Add(weightsOfLayer(a)) })
		if err != nil {
			return nil, nil, err
		}
		causal := v.embedder.Config.Text.Causal()
		err = v.embedder.AttendTokens(ctx, b.IDs, b.N, func(from int, a model.Attention) {
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

// look keeps the anatomy of what was just evaluated for the report. A training goes on without one.
func (s *session) look(ctx context.Context, step int) {
	s.val.found = nil
	if len(s.val.last.index) < 2 {
		return
	}
	o := defaultAnatomy()
	found, err := s.val.anatomy(ctx, o.Candidates, o.Sample)
	if err != nil {
		s.console.log.Warn("the report has no anatomy of the network", "error", err)
		return
	}
	s.val.found = &report.Anatomy{Step: step, Anatomy: found}
}
