package benchmark

import (
	"context"

	"clipgo/datasets"
	"clipgo/pretrained"
)

// borrow takes the features of a split's pictures from a pass that read the same samples for tasks with another need, so that a picture
// is embedded once. It returns nil where that isn't sure to give the same bits: a sample that one of the two can't use changes the batches.
func (f *features) borrow(ctx context.Context, split string, src datasets.Source) (*pretrained.Features, error) {
	if split == TestSplit && len(f.viewers) > 0 || datasets.InSequence(src) {
		return nil, nil // each batch is to be seen, or samples are read in their order alone
	}
	for _, other := range f.others {
		from := other.splits[split]
		if other == f || from == nil || len(from.Index) != src.Len() ||
			other.infos[split].Fingerprint != src.Info().Fingerprint {
			continue
		}
		out := &pretrained.Features{Index: from.Index}
		out.Dim, out.Images = from.Dim, from.Images
		for row, i := range from.Index {
			e, err := src.Entry(ctx, i)
			if err != nil || e.Bad != "" || e.Key != from.Entries[row].Key || f.need == datasets.NeedLabels && e.Label < 0 {
				return nil, ctx.Err() // the pass will say why
			}
			out.Entries, out.Labels = append(out.Entries, e), append(out.Labels, e.Label)
			if f.need != datasets.NeedCaptions {
				continue
			}
			for _, caption := range e.Captions {
				out.Captions, out.TextImage = append(out.Captions, caption), append(out.TextImage, row)
			}
		}
		var err error
		out.Texts, err = f.model.EmbedTexts(ctx, out.Captions)
		return out, err
	}
	return nil, nil
}
