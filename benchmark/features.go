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
	seen    func(split string, done, all int64)
	viewers []pretrained.Viewer         // see each batch of the test split
	others  map[datasets.Need]*features // whose passes may serve this one; may have it too
}

func newFeatures(m *pretrained.Embedder, d *Data, need datasets.Need) *features {
	return &features{model: m, data: d, need: need, splits: map[string]*pretrained.Features{},
		infos: map[string]datasets.Info{}, skipped: map[string]int{}}
}

// of is the features of a split.
func (f *features) of(ctx context.Context, split string) (*pretrained.Features, datasets.Info, error) {
	if got := f.splits[split]; got != nil {
		return got, f.infos[split], nil
	}
	src, err := f.data.Source(ctx, split, f.need)
	if err != nil {
		return nil, datasets.Info{}, err
	}
	skipped := 0
	p := &pretrained.Pass{
		Source: src, Embedder: f.model, Pictures: f.need != datasets.NeedCaptions, Skipped: func(datasets.Skip) { skipped++ },
		Seen: func(n int64) { f.seen(split, n, int64(src.Len())) },
	}
	if split == TestSplit {
		p.Viewers = f.viewers
	}
	got, err := f.borrow(ctx, split, src)
	if got == nil && err == nil {
		_, err = p.Features(ctx)
		got = p.Last()
	}
	info := src.Info()
	all := src.Len()
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, info, err
	}
	if datasets.TooMany(skipped, all, f.model.Settings.MaxSkip) {
		return nil, info, fault.Dataf("%s: %d of %d samples can't be used, more than %.4g %%", info.Name, skipped, all,
			100*f.model.Settings.MaxSkip)
	}
	f.splits[split], f.infos[split], f.skipped[split] = got, info, skipped
	return got, info, nil
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
