package benchmark

import (
	"context"
	"errors"
	"fmt"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/probe"
)

// features are the features of a data set's splits for one model. Each split is embedded once, when a task first asks for it.
type features struct {
	model   *pretrained.Embedder
	data    *Data
	need    datasets.Need
	splits  map[string]*pretrained.Features
	infos   map[string]datasets.Info
	skipped map[string]int
	about   map[string][]string // notes on the splits
	notes   []string            // on the cell that is computed
	seen    func(split string, done, all int64)
}

func newFeatures(m *pretrained.Embedder, d *Data, need datasets.Need) *features {
	return &features{model: m, data: d, need: need, splits: map[string]*pretrained.Features{},
		infos: map[string]datasets.Info{}, skipped: map[string]int{}, about: map[string][]string{}}
}

// begin prepares for a cell.
func (f *features) begin(s *Suite, c Cell) {
	f.notes = nil
	f.seen = func(split string, done, all int64) {
		if s.Progress != nil {
			s.Progress(c, split, done, all)
		}
	}
}

// of is the features of a split.
func (f *features) of(ctx context.Context, split string) (*pretrained.Features, datasets.Info, error) {
	if got := f.splits[split]; got != nil {
		f.note(f.about[split]...)
		return got, f.infos[split], nil
	}
	src, err := f.data.Source(ctx, split, f.need)
	if err != nil {
		return nil, datasets.Info{}, err
	}
	skipped, why := 0, ""
	p := &pretrained.Pass{
		Source: src, Embedder: f.model, Pictures: f.need != datasets.NeedCaptions, Skipped: func(s datasets.Skip) {
			if skipped++; skipped == 1 {
				why = s.Key + ": " + s.Reason
			}
		},
		Seen: func(n int64) { f.seen(split, n, int64(src.Len())) },
	}
	_, err = p.Features(ctx)
	info := src.Info()
	all := src.Len()
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, info, err
	}
	if datasets.TooMany(skipped, all, f.model.Settings.MaxSkip) {
		return nil, info, fault.Dataf("%s: %d of %d samples can't be used, more than %.4g %%; the first is %s", info.Name, skipped,
			all, 100*f.model.Settings.MaxSkip, why)
	}
	f.splits[split], f.infos[split], f.skipped[split] = p.Last(), info, skipped
	f.about[split] = describe(info, skipped, why)
	f.note(f.about[split]...)
	return p.Last(), info, nil
}

// describe is what users should know of a split.
func describe(info datasets.Info, skipped int, why string) []string {
	out := info.Lines()
	if skipped > 0 {
		out = append(out, fmt.Sprintf("%s: %d samples can't be used; the first is %s", info.Name, skipped, why))
	}
	if info.Kind == "classes" && pretrained.LookLikeIDs(info.Classes) {
		out = append(out, info.Name+": the class folders look like ids, accuracies are near chance; a classnames.txt there can name them")
	}
	if info.Kind == "classes" && pretrained.LookLikeSplits(info.Classes) {
		out = append(out, info.Name+": the folders look like the splits of a data set, not like classes")
	}
	return out
}

// sets are the splits of a probe, with the features as the tower computes them; val is empty if there is none.
func (f *features) sets(ctx context.Context) (train, val, test probe.Set, classes []string, err error) {
	for split, to := range map[string]*probe.Set{TrainSplit: &train, ValSplit: &val, TestSplit: &test} {
		if split == ValSplit && f.data.splits[split] == "" {
			continue
		}
		got, info, err := f.of(ctx, split)
		if err != nil {
			return train, val, test, nil, err
		}
		*to = probe.Set{Features: raw(got), Dim: got.Dim, Labels: got.Labels}
		if split == TestSplit {
			classes = info.Classes
		}
	}
	return train, val, test, classes, nil
}

// raw are the features before they were made unit.
func raw(f *pretrained.Features) []float32 {
	out := make([]float32, len(f.Images))
	for i, norm := range f.Norms {
		for j, v := range f.Images[i*f.Dim : (i+1)*f.Dim] {
			out[i*f.Dim+j] = v * norm
		}
	}
	return out
}
