package pretrained

import (
	"context"

	"clipgo/datasets"
	"clipgo/eval"
)

// Pass is a pass over a source's pictures that serves several evaluators: it embeds the pictures and all of their captions once and
// keeps the features until Reset. It is an eval.FeatureSource.
type Pass struct {
	Embedder *Embedder
	Source   datasets.Source
	Viewers  []Viewer            // see each batch
	Pictures bool                // embed pictures alone, no captions
	Skipped  func(datasets.Skip) // is called with each sample that can't be used; nil: none
	Seen     func(samples int64) // is called after each batch with the number of samples so far; nil: none

	last  Features
	fresh bool // last is of the model as it is
}

// Viewer sees the batches of a pass, pixels included.
type Viewer interface {
	Begin() // before the first batch
	View(ctx context.Context, b *datasets.Batch) error
}

// Features are features with the samples that they are of.
type Features struct {
	eval.Features
	Norms   []float32 // of the pictures' features before they were made unit
	Index   []int     // each picture's sample
	Entries []datasets.Entry
}

// Reset makes the next evaluation embed again: the model has changed.
func (p *Pass) Reset() { p.fresh = false }

// Last returns the features of the last pass; none before the first one.
func (p *Pass) Last() *Features { return &p.last }

// Fresh tells whether Last is of the model as it is: there was a pass since Reset.
func (p *Pass) Fresh() bool { return p.fresh }

// Features makes the pass at the first call after Reset. If no sample can be used, the error is a *datasets.DataError.
func (p *Pass) Features(ctx context.Context) (*eval.Features, error) {
	if !p.fresh {
		f, err := p.run(ctx)
		if err != nil {
			return nil, err
		}
		p.last, p.fresh = f, true
	}
	return &p.last.Features, nil
}

func (p *Pass) run(ctx context.Context) (Features, error) {
	f := Features{Features: eval.Features{Dim: p.Embedder.Dim()}}
	for _, v := range p.Viewers {
		v.Begin()
	}
	err := p.Embedder.EachPicture(ctx, p.Source, func(b *datasets.Batch) error { return p.add(ctx, &f, b) }, p.skip)
	if err != nil {
		return f, err
	}
	if len(f.Index) == 0 {
		return f, &datasets.DataError{Source: p.Source.Info().Name, Reason: "none of the samples can be used"}
	}
	f.Texts, err = p.Embedder.EmbedTexts(ctx, f.Captions)
	return f, err
}

func (p *Pass) skip(s datasets.Skip) {
	if p.Skipped != nil {
		p.Skipped(s)
	}
}

// add embeds a batch's pictures.
func (p *Pass) add(ctx context.Context, f *Features, b *datasets.Batch) error {
	features, norms, err := p.Embedder.EmbedWithNorms(ctx, b.Pixels, b.N)
	if err != nil {
		return err
	}
	for i, e := range b.Entries {
		for _, caption := range e.Captions {
			if !p.Pictures {
				f.Captions, f.TextImage = append(f.Captions, caption), append(f.TextImage, len(f.Index))
			}
		}
		f.Index, f.Entries, f.Labels = append(f.Index, b.Index[i]), append(f.Entries, e), append(f.Labels, e.Label)
	}
	f.Images, f.Norms = append(f.Images, features...), append(f.Norms, norms...)
	if p.Seen != nil {
		p.Seen(b.Next)
	}
	for _, v := range p.Viewers {
		if err := v.View(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// Retrieval measures the recall at each of ks on the source.
func (p *Pass) Retrieval(ks ...int) *eval.RetrievalEvaluator {
	return &eval.RetrievalEvaluator{Source: p, Ks: ks, Pictures: p.Source.Len()}
}

// ZeroShot measures zero-shot classification by the source's classes, with the prompts of Templates.
func (p *Pass) ZeroShot() *eval.ZeroShotEvaluator {
	info := p.Source.Info()
	return &eval.ZeroShotEvaluator{Source: p, Classes: info.Classes, Pictures: p.Source.Len(),
		Classifier: func(ctx context.Context) (*eval.Classifier, error) {
			return p.Embedder.Classifier(ctx, info.Classes, p.Embedder.Templates(info))
		}}
}

// PairLoader reads both sides of judged pairs in their order, with token ids.
func (m *Embedder) PairLoader(pairs datasets.Preferences) (*datasets.Loader, error) {
	tokens, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	l := m.Loader(pairs)
	l.Pairs, l.Tokens = pairs, tokens.FillCut
	return l, nil
}
