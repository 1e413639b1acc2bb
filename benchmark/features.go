package benchmark

import (
	"context"
	"errors"

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
	length  map[string]int   // of each split's source
	failed  map[string]error // splits that could not be embedded: the next task doesn't try again
	seen    func(split string, done, all int64)
	// siblings are the features for other needs; nil: there are none.
	siblings *shared
}

func newFeatures(m *pretrained.Embedder, d *Data, need datasets.Need) *features {
	return &features{model: m, data: d, need: need, splits: map[string]*pretrained.Features{},
		infos: map[string]datasets.Info{}, skipped: map[string]int{}, length: map[string]int{}, failed: map[string]error{}}
}

// captions reports whether the tasks need captions.
func (f *features) captions() bool { return f.need == datasets.NeedCaptions }

// of is the features of a split.
func (f *features) of(ctx context.Context, split string) (*pretrained.Features, datasets.Info, error) {
	if got := f.splits[split]; got != nil {
		return got, f.infos[split], nil
	}
	if err := f.failed[split]; err != nil {
		return nil, datasets.Info{}, err
	}
	got, err := f.embed(ctx, split)
	if err != nil {
		if ctx.Err() == nil {
			f.failed[split] = err
		}
		return nil, f.infos[split], err
	}
	f.splits[split] = got
	return got, f.infos[split], nil
}

// embed embeds a split.
func (f *features) embed(ctx context.Context, split string) (got *pretrained.Features, err error) {
	src, err := f.data.Source(ctx, split, f.need)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	info, all := src.Info(), src.Len()
	skipped := 0
	if got, err = f.assemble(ctx, src, split, &skipped); err != nil {
		return nil, err
	}
	if got == nil {
		p := f.pass(src, split, !f.captions(), &skipped)
		if _, err = p.Features(ctx); err != nil {
			return nil, err
		}
		got = p.Last()
	}
	if datasets.TooMany(skipped, all, f.model.Settings.MaxSkip) {
		return nil, fault.Dataf("%s: %d of %d samples can't be used, more than %.4g %%", info.Name, skipped, all,
			100*f.model.Settings.MaxSkip)
	}
	f.infos[split], f.skipped[split], f.length[split] = info, skipped, all
	return got, checkFinite(f.model.Settings.Model, got)
}

// pass embeds a source; skipped is raised for each sample that can't be used.
func (f *features) pass(src datasets.Source, split string, pictures bool, skipped *int) *pretrained.Pass {
	return &pretrained.Pass{
		Source: src, Embedder: f.model, Pictures: pictures, Skipped: func(datasets.Skip) { *skipped++ },
		Seen: func(n int64) { f.seen(split, n, int64(src.Len())) },
	}
}

// sets are the splits of a probe; val is empty if there is none.
func (f *features) sets(ctx context.Context) (train, val, test probe.Set, classes []string, err error) {
	for split, to := range map[string]*probe.Set{TrainSplit: &train, ValSplit: &val, TestSplit: &test} {
		if split == ValSplit && f.data.splits[split] == "" {
			continue
		}
		got, info, err := f.of(ctx, split)
		if err != nil {
			return train, val, test, nil, err
		}
		*to = probe.Set{Features: got.Images, Dim: got.Dim, Labels: got.Labels}
		if split == TestSplit {
			classes = info.Classes
		}
	}
	return train, val, test, classes, nil
}
