package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/curation"
)

type thresholdOptions struct {
	curationOptions
	Threshold float64 `json:"threshold" flag:"threshold" arg:"T" help:"lowest cosine of pictures that count as alike (default 0.95)"`
}

func (o *thresholdOptions) bounds() error { return cosine("--threshold", o.Threshold) }

type countOptions struct {
	curationOptions
	Top int `json:"top" min:"1" flag:"top" arg:"N" help:"pictures (default 100)"`
}

func newDedup(a *app) *cobra.Command {
	o := thresholdOptions{Threshold: 0.95}
	return judgeCommand(a, cobra.Command{
		Use:   "dedup --index DIR",
		Short: "Find near-duplicates in an index",
		Long: `dedup compares all pictures of an index with each other, exactly, and joins those that are alike into groups. Of each group
the largest file is kept; of equal sizes the oldest one, then the first by path. The time grows with the square of the number
of pictures. No picture is changed or deleted: --out writes a list that train, embed and pack take as --filter.`,
		Example: `  clipgo dedup --index pictures.index --out keep.csv
  clipgo dedup --index pictures.index --threshold 0.98 --print drop`,
	}, &o, &o.curationOptions, o.bounds, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Dedup(ctx, o.Threshold)
	})
}

func newOutliers(a *app) *cobra.Command {
	o := countOptions{Top: 100}
	return judgeCommand(a, cobra.Command{
		Use:   "outliers --index DIR",
		Short: "Find the pictures of an index that are like no other",
		Long: `outliers ranks the pictures of an index by how little they are like their five nearest neighbours: damaged pictures, scans
of blank pages, pictures that came in by mistake. The list drops the first ones; look at them first.`,
		Example: `  clipgo outliers --index pictures.index --top 50 --out keep.csv`,
	}, &o, &o.curationOptions, nil, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Outliers(ctx, o.Top)
	})
}

func newCurate(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "curate",
		Short: "Choose pictures of an index for training or testing",
		Example: `  clipgo curate leaks --index train.index --test test.index --out keep.csv
  clipgo curate diverse --index pictures.index --count 500 --out keep.csv`,
	}
	c.AddCommand(newCuratePairs(a), newCurateLeaks(a), newCurateMisfiled(a), newCurateDiverse(a), newCurateBalance(a))
	return c
}

func newCuratePairs(a *app) *cobra.Command {
	o := countOptions{Top: 100}
	return judgeCommand(a, cobra.Command{
		Use:   "pairs --index DIR",
		Short: "Find captions that don't fit their pictures",
		Long: `pairs ranks the pictures of an index by the cosine of picture and caption. The reason column has the place of the caption
among up to 1,000 captions of other pictures, which can be compared between models. The list drops the first ones.`,
		Example: `  clipgo curate pairs --index pictures.index --top 1000 --out keep.csv`,
	}, &o, &o.curationOptions, nil, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Fit(ctx, o.Top)
	})
}

func newCurateLeaks(a *app) *cobra.Command {
	o := struct {
		thresholdOptions
		Test string `json:"test" flag:"test" arg:"dir" help:"index of the test pictures, made by the same model"`
	}{thresholdOptions: thresholdOptions{curationOptions{}, 0.95}}
	return judgeCommand(a, cobra.Command{
		Use:   "leaks --index DIR --test DIR",
		Short: "Find training pictures that are in the test set too",
		Long: `leaks compares each picture of an index with all pictures of another, and drops those which are alike. Both have to be made
by the same model.`,
		Example: `  clipgo curate leaks --index train.index --test test.index --out keep.csv`,
	}, &o, &o.curationOptions, func() error {
		if o.Test == "" {
			return usagef("--test is missing: the index of the test pictures")
		}
		return o.bounds()
	}, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		test, err := readCollection(ctx, o.Test)
		if err != nil {
			return nil, err
		}
		return c.Leaks(ctx, test, o.Threshold)
	})
}

func newCurateMisfiled(a *app) *cobra.Command {
	o := struct {
		curationOptions
		Neighbours int `json:"neighbours" min:"1" flag:"neighbours" arg:"K" help:"that vote (default 10)"`
	}{Neighbours: 10}
	return judgeCommand(a, cobra.Command{
		Use:   "misfiled --index DIR",
		Short: "Find pictures whose neighbours are in another folder",
		Long: `misfiled compares each picture's folder with the folders of its nearest pictures: in a collection with a folder for each
class it finds wrong labels. The list drops the pictures for which another folder has more of the neighbours.`,
		Example: `  clipgo curate misfiled --index pictures.index --out keep.csv`,
	}, &o, &o.curationOptions, nil, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Refile(ctx, o.Neighbours)
	})
}

type partOptions struct {
	curationOptions
	Count int `json:"count" min:"1" flag:"count" arg:"N" help:"pictures that are kept"`
}

func (o *partOptions) given() error {
	if o.Count == 0 {
		return usagef("--count is missing: the number of pictures that are kept")
	}
	return nil
}

func newCurateDiverse(a *app) *cobra.Command {
	var o partOptions
	return judgeCommand(a, cobra.Command{
		Use:   "diverse --index DIR --count N",
		Short: "Choose pictures that are far from each other",
		Long: `diverse keeps N pictures that cover the collection: each next one is the picture that is least like all chosen before
(farthest-first traversal).`,
		Example: `  clipgo curate diverse --index pictures.index --count 500 --out keep.csv`,
	}, &o, &o.curationOptions, o.given, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Spread(ctx, o.Count)
	})
}

func newCurateBalance(a *app) *cobra.Command {
	var o partOptions
	return judgeCommand(a, cobra.Command{
		Use:     "balance --index DIR --count N",
		Short:   "Keep at most N pictures of each folder",
		Long:    `balance keeps at most N pictures of each folder: those that diverse would choose of it.`,
		Example: `  clipgo curate balance --index pictures.index --count 200 --out keep.csv`,
	}, &o, &o.curationOptions, o.given, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		return c.Balance(ctx, o.Count)
	})
}
