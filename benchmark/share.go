package benchmark

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// shared are the features of one model on one data set. What samples must have differs between tasks, but a picture is embedded once.
type shared struct {
	model *pretrained.Embedder
	data  *Data
	views map[datasets.Need]*features
}

// view is what tasks with a need see.
func (s *shared) view(m *pretrained.Embedder, need datasets.Need) *features {
	if s.views == nil {
		s.views = map[datasets.Need]*features{}
	}
	f := s.views[need]
	if f == nil {
		f = newFeatures(m, s.data, need)
		f.siblings = s
		s.views[need] = f
	}
	return f
}

// known are the rows of a split's pictures that another need has, by their index; nil if there are none, or if the source can only be
// read in sequence.
func (s *shared) known(src datasets.Source, split string) (rows map[int]int, of *pretrained.Features) {
	if s == nil || datasets.InSequence(src) {
		return nil, nil
	}
	for _, other := range s.views {
		if got := other.splits[split]; got != nil && other.length[split] == src.Len() && (of == nil || len(got.Index) > len(of.Index)) {
			of = got
		}
	}
	if of == nil {
		return nil, nil
	}
	rows = map[int]int{}
	for row, index := range of.Index {
		rows[index] = row
	}
	return rows, of
}

// assemble makes the features of a split of those that another need has, and embeds only the pictures that it lacks. It returns nil if it
// has none.
func (f *features) assemble(ctx context.Context, src datasets.Source, split string, skipped *unusable) (*pretrained.Features, error) {
	rows, of := f.siblings.known(src, split)
	if of == nil {
		return nil, nil
	}
	entries, missing := make([]datasets.Entry, src.Len()), []int{}
	for i := range entries {
		var err error
		if entries[i], err = src.Entry(ctx, i); err != nil {
			return nil, ctx.Err() // the loader decides what becomes of it
		}
		row, known := rows[i]
		switch {
		case entries[i].Bad != "":
		case !known:
			missing = append(missing, i)
		case of.Entries[row].Key != entries[i].Key:
			return nil, nil
		}
	}
	found, err := f.missing(ctx, src, missing, of.Index[0], skipped)
	if err != nil {
		return nil, err
	}
	out := &pretrained.Features{}
	out.Dim = of.Dim
	for i, e := range entries {
		row, known := rows[i]
		switch got := found[i]; {
		case e.Bad != "":
			skipped.add(datasets.Skip{Key: e.Key, Reason: e.Bad})
		case known:
			f.add(out, i, e, picture{of.Images[row*of.Dim : (row+1)*of.Dim], of.Norms[row]})
		case got.feature != nil:
			f.add(out, i, e, got)
		}
	}
	if len(out.Index) == 0 {
		return nil, &datasets.DataError{Source: src.Info().Name, Reason: "none of the samples can be used"}
	}
	out.Texts, err = f.model.EmbedTexts(ctx, out.Captions)
	return out, err
}

// picture is the unit feature of a picture, and the length that it had.
type picture struct {
	feature []float32
	norm    float32
}

// missing embeds some pictures of a source and returns their features by index, without those that can't be used. They are read together
// with one that can: the loader refuses a source without any, and how many may be missing is decided for the whole split.
func (f *features) missing(ctx context.Context, src datasets.Source, indices []int, good int, skipped *unusable) (map[int]picture, error) {
	found := map[int]picture{}
	if len(indices) == 0 {
		return found, nil
	}
	indices = append([]int{good}, indices...)
	loader := f.model.Loader(datasets.Select(src, indices))
	loader.MaxSkip = 1
	for b, err := range loader.Batches(ctx, 0, int64(len(indices))) {
		if err != nil {
			return nil, err
		}
		for _, one := range b.Skipped {
			skipped.add(one)
		}
		if b.N == 0 {
			continue
		}
		got, norms, err := f.model.EmbedWithNorms(ctx, b.Pixels, b.N)
		if err != nil {
			return nil, err
		}
		for i, at := range b.Index {
			found[indices[at]] = picture{got[i*f.model.Dim() : (i+1)*f.model.Dim()], norms[i]}
		}
	}
	return found, nil
}

// add appends a picture, as a pass does.
func (f *features) add(to *pretrained.Features, index int, e datasets.Entry, p picture) {
	if f.captions() {
		for _, caption := range e.Captions {
			to.Captions, to.TextImage = append(to.Captions, caption), append(to.TextImage, len(to.Index))
		}
	}
	to.Index, to.Entries, to.Labels = append(to.Index, index), append(to.Entries, e), append(to.Labels, e.Label)
	to.Images, to.Norms = append(to.Images, p.feature...), append(to.Norms, p.norm)
}

// checkFinite is an error if a feature is NaN or infinite: every number made of it would be wrong.
func checkFinite(name string, f *pretrained.Features) error {
	for i, v := range f.Images {
		if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
			return fault.Modelf(name, "the features of %s are not finite", f.Entries[i/f.Dim].Key)
		}
	}
	for i, v := range f.Texts {
		if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
			return fault.Modelf(name, "the features of the caption %q are not finite", f.Captions[i/f.Dim])
		}
	}
	return nil
}
