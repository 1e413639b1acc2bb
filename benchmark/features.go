package benchmark

import (
	"context"
	"errors"
	"fmt"

	"clipgo/datasets"
	"clipgo/datasets/choices"
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
	length  map[string]int      // of each split's source
	failed  map[string]error    // splits that could not be embedded: the next task doesn't try again
	about   map[string][]string // notes on the splits
	notes   []string            // on the cell that is computed
	set     *choices.Set        // the test split, if it is one
	seen    func(split string, done, all int64)
	left    func(datasets.Skip) // is called with each sample that can't be used; nil: nobody
	opened  func(datasets.Info) // is called with each split's description; nil: nobody
	viewers []pretrained.Viewer // see each batch of the test split
	// siblings are the features for other needs; nil: there are none.
	siblings *shared
}

func newFeatures(m *pretrained.Embedder, d *Data, need datasets.Need) *features {
	return &features{model: m, data: d, need: need, splits: map[string]*pretrained.Features{}, infos: map[string]datasets.Info{},
		skipped: map[string]int{}, length: map[string]int{}, failed: map[string]error{}, about: map[string][]string{}}
}

// begin prepares for a cell.
func (f *features) begin(s *Suite, c Cell) {
	f.notes, f.left, f.opened = nil, s.Skipped, s.Opened
	f.seen = func(split string, done, all int64) {
		if s.Progress != nil {
			s.Progress(c, split, done, all)
		}
	}
}

// captions reports whether the tasks need captions.
func (f *features) captions() bool { return f.need == datasets.NeedCaptions }

// of is the features of a split.
func (f *features) of(ctx context.Context, split string) (*pretrained.Features, datasets.Info, error) {
	if err := f.failed[split]; err != nil {
		return nil, datasets.Info{}, err
	}
	if f.splits[split] == nil {
		got, err := f.embed(ctx, split)
		if err != nil {
			if ctx.Err() == nil {
				f.failed[split] = err
			}
			return nil, f.infos[split], err
		}
		f.splits[split] = got
	}
	f.note(f.about[split]...)
	return f.splits[split], f.infos[split], nil
}

// unusable are the samples of a split that can't be used.
type unusable struct {
	n     int
	first string
	also  func(datasets.Skip) // may be nil
}

func (u *unusable) add(s datasets.Skip) {
	if u.n++; u.n == 1 {
		u.first = s.Key + ": " + s.Reason
	}
	if u.also != nil {
		u.also(s)
	}
}

// embed embeds a split.
func (f *features) embed(ctx context.Context, split string) (got *pretrained.Features, err error) {
	src, err := f.data.Source(ctx, split, f.need)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	info, all := src.Info(), src.Len()
	f.set, _ = src.(*choices.Set)
	if f.opened != nil {
		f.opened(info)
	}
	skipped := &unusable{also: f.left}
	if split != TestSplit || len(f.viewers) == 0 { // each batch is to be seen
		if got, err = f.assemble(ctx, src, split, skipped); err != nil {
			return nil, err
		}
	}
	if got == nil {
		p := f.pass(src, split, skipped)
		if _, err = p.Features(ctx); err != nil {
			return nil, err
		}
		got = p.Last()
	}
	if datasets.TooMany(skipped.n, all, f.model.Settings.MaxSkip) {
		return nil, fault.Dataf("%s: %d of %d samples can't be used, more than %.4g %%; the first is %s", info.Name, skipped.n, all,
			100*f.model.Settings.MaxSkip, skipped.first)
	}
	f.infos[split], f.skipped[split], f.length[split] = info, skipped.n, all
	f.about[split] = describe(info, skipped.n, skipped.first)
	return got, checkFinite(f.model.Settings.Model, got)
}

// pass embeds a source.
func (f *features) pass(src datasets.Source, split string, skipped *unusable) *pretrained.Pass {
	p := &pretrained.Pass{
		Source: src, Data: pretrained.PassData{Name: f.data.Name, Split: split, Need: f.need}, Embedder: f.model,
		Pictures: !f.captions(), Skipped: skipped.add,
		Seen: func(n int64) { f.seen(split, n, int64(src.Len())) },
	}
	if split == TestSplit {
		p.Viewers = f.viewers
	}
	return p
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
	measured, err := f.data.info(ctx, TestSplit, f.need)
	if err != nil {
		return train, val, test, nil, err
	}
	if err := oneClassEach(measured); err != nil {
		return train, val, test, nil, err
	}
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
