package run

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
func (v *Validation) Anatomy(ctx context.Context, candidates, sample int) (a eval.Anatomy, err error) {
	p := v.firstPairs()
	p.Candidates = min(candidates, len(p.Group))
	if p.Candidates < 2 {
		return a, &datasets.DataError{Source: v.Source.Info().Name, Reason: "one pair alone has nothing to be compared with"}
	}
	err = torch.Do(ctx, func(s *torch.Scope) error {
		p.Scale = v.Embedder.Scale(s).Item()
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
func (v *Validation) firstPairs() eval.Pairs {
	f, dim := v.Last, v.Embedder.Dim()
	p := eval.Pairs{Dim: dim}
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
		p.Group = append(p.Group, groups[f.Captions[t]])
		p.Images = append(p.Images, f.Images[row*dim:(row+1)*dim]...)
		p.Texts = append(p.Texts, f.Texts[t*dim:(t+1)*dim]...)
	}
	return p
}

// attention is the entropy of both towers' attention on a sample spread over the data.
func (v *Validation) attention(ctx context.Context, sample int) (image, text [][]float64, err error) {
	tokens, err := v.Embedder.Tokenizer()
	if err != nil {
		return nil, nil, err
	}
	loader := v.Embedder.Loader(datasets.Sample(v.Source, sample))
	loader.Tokens, loader.MaxSkip = tokens.FillCut, 1
	var images, texts eval.Entropy
	for b, err := range loader.Batches(ctx, 0, int64(loader.Source.Len())) {
		if err != nil {
			return nil, nil, fmt.Errorf("look at attention: %w", err)
		}
		if b.N == 0 {
			continue
		}
		err = v.Embedder.AttendImages(ctx, b.Pixels, b.N, func(_ int, a model.Attention) { images.Add(weightsOfLayer(a)) })
		if err != nil {
			return nil, nil, err
		}
		causal := v.Embedder.Config.Text.Causal()
		err = v.Embedder.AttendTokens(ctx, b.IDs, b.N, func(from int, a model.Attention) {
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

// What the anatomy of the report looks at: pairs compared at a time, and pictures and captions whose attention is looked at.
const (
	reportCandidates = 64
	reportSample     = 16
)

// look keeps the anatomy of what was just evaluated for the report. A training goes on without one.
func (s *session) look(ctx context.Context, step int) {
	s.val.found = nil
	if len(s.val.Last.Index) < 2 {
		return
	}
	found, err := s.val.Anatomy(ctx, reportCandidates, reportSample)
	if err != nil {
		s.console.Log.Warn("the report has no anatomy of the network", "error", err)
		return
	}
	s.val.found = &report.Anatomy{Step: step, Anatomy: found}
}
