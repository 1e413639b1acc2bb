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
	Data     PassData            // which data Source is, for the embedder's Crew
	Viewers  []Viewer            // see each batch
	Pictures bool                // embed pictures alone, no captions
	Skipped  func(datasets.Skip) // is called with each sample that can't be used; nil: none
	Seen     func(samples int64) // is called after each batch with the number of samples so far; nil: none

	last  Features
	fresh bool // last is of the model as it is
}

// Viewer sees the batches of a pass, pixels included.
type Viewer interface {
	// Begin is called before the first batch.
	Begin()
	// View returns what it has measured of a batch. It changes nothing: it may be called in another process than Take is.
	View(ctx context.Context, b *datasets.Batch) ([]float64, error)
	// Take is called with what View has returned for each batch, in the order of the batches.
	Take(seen []float64)
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
	if err := p.each(ctx, func(s *Share) { p.take(&f, s) }); err != nil {
		return f, err
	}
	if len(f.Index) == 0 {
		return f, &datasets.DataError{Source: p.Source.Info().Name, Reason: "none of the samples can be used"}
	}
	var err error
	f.Texts, err = p.Embedder.EmbedTexts(ctx, f.Captions)
	return f, err
}

// each makes the pass in this process, or with the embedder's Crew.
func (p *Pass) each(ctx context.Context, use func(*Share)) error {
	if p.divisible() {
		return p.divided(ctx, use)
	}
	return p.Embedder.EachPicture(ctx, p.Source, func(b *datasets.Batch) error {
		s := &Share{}
		if err := p.add(ctx, s, b); err != nil {
			return err
		}
		use(s)
		if p.Seen != nil {
			p.Seen(b.Next)
		}
		return nil
	}, p.skip)
}

func (p *Pass) skip(s datasets.Skip) {
	if p.Skipped != nil {
		p.Skipped(s)
	}
}

// add embeds a batch's pictures, and shows it to the viewers.
func (p *Pass) add(ctx context.Context, s *Share, b *datasets.Batch) error {
	features, norms, err := p.Embedder.EmbedWithNorms(ctx, b.Pixels, b.N)
	if err != nil {
		return err
	}
	s.Features, s.Norms = append(s.Features, features...), append(s.Norms, norms...)
	s.Index, s.Entries = append(s.Index, b.Index...), append(s.Entries, b.Entries...)
	for _, v := range p.Viewers {
		seen, err := v.View(ctx, b)
		if err != nil {
			return err
		}
		s.Seen = append(s.Seen, seen)
	}
	return nil
}

// take adds what a share has found.
func (p *Pass) take(f *Features, s *Share) {
	for i, e := range s.Entries {
		for _, caption := range e.Captions {
			if !p.Pictures {
				f.Captions, f.TextImage = append(f.Captions, caption), append(f.TextImage, len(f.Index))
			}
		}
		f.Index, f.Entries, f.Labels = append(f.Index, s.Index[i]), append(f.Entries, e), append(f.Labels, e.Label)
	}
	f.Images, f.Norms = append(f.Images, s.Features...), append(f.Norms, s.Norms...)
	for i, seen := range s.Seen {
		p.Viewers[i%len(p.Viewers)].Take(seen)
	}
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
