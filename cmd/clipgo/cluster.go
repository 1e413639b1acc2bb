package main

import (
	"context"
	"errors"
	"math"

	"github.com/spf13/cobra"

	"clipgo/curation"
	"clipgo/curation/mapfile"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/search"
	"clipgo/search/sheet"
)

// groupOptions say how a collection is divided into groups.
type groupOptions struct {
	Groups    int     `json:"groups" min:"0" flag:"groups" arg:"K" help:"number of groups (default the square root of half the pictures)"`
	Threshold float64 `json:"threshold" flag:"threshold" arg:"T" help:"make groups of pictures above this cosine instead; the rest is in none"`
	Least     int     `json:"least" min:"1" flag:"least" arg:"N" help:"with --threshold: others that a group's first picture needs (default 3)"`
	Seed      uint64  `json:"seed" flag:"seed" arg:"n" help:"of the first centres"`
}

// check refuses what divide has no meaning for.
func (o *groupOptions) check() error {
	if o.Threshold != 0 && o.Groups != 0 {
		return usagef("--threshold and --groups exclude each other")
	}
	if o.Threshold < 0 {
		return usagef("--threshold is a cosine similarity above 0, not %g", o.Threshold)
	}
	return cosine("--threshold", o.Threshold)
}

// mostPairs bounds the memory of pairs, which Communities lists twice more: about 4 GB.
const mostPairs = 50_000_000

// divide makes the groups.
func (o *groupOptions) divide(ctx context.Context, c *curation.Collection) (*curation.Clusters, error) {
	if o.Threshold > 0 {
		pairs, err := c.Similar(ctx, o.Threshold, mostPairs)
		if errors.Is(err, curation.ErrTooMany) {
			return nil, usagef("--threshold %g: more than %d million pairs are that much alike; choose a higher one, or use --groups",
				o.Threshold, mostPairs/1_000_000)
		}
		if err != nil {
			return nil, err
		}
		return c.Communities(pairs, o.Least), nil
	}
	k := o.Groups
	if k == 0 {
		k = max(2, int(math.Sqrt(float64(c.Len())/2)))
	}
	return c.KMeans(ctx, k, o.Seed)
}

// wordOptions say how groups are named.
type wordOptions struct {
	Words string `json:"words" flag:"words" arg:"builtin|file" help:"name the groups by these words: a built-in list, or a file with a word a line"`
	Model string `json:"model" flag:"model" arg:"M" help:"with --words: the model (default the one that the index names)"`
}

// name names the groups; nil: nobody asked for names.
func (o *wordOptions) name(ctx context.Context, a *app, dir string, c *curation.Collection, k *curation.Clusters) ([][]string, error) {
	const each = 3
	if o.Words == "" {
		return nil, nil
	}
	words, err := pretrained.ReadWords(o.Words)
	if err != nil {
		return nil, err
	}
	settings := pretrained.DefaultSettings()
	settings.Model, settings.Towers = o.Model, model.TextTower
	m, err := openIndexModel(ctx, a, &settings, nil, dir, search.Info{Space: c.Space})
	if err != nil {
		return nil, err
	}
	defer m.Free()
	space, err := m.Space(c.Space.Fingerprint, "")
	if err == nil {
		err = c.Space.Accepts(dir, space)
	}
	if err != nil {
		return nil, err
	}
	return k.NameBy(ctx, words, m, each)
}

func newCluster(a *app) *cobra.Command {
	o := struct {
		curationOptions
		groupOptions
		wordOptions
	}{groupOptions: groupOptions{Least: 3}}
	return judgeCommand(a, cobra.Command{
		Use:   "cluster --index DIR",
		Short: "Divide the pictures of an index into groups",
		Long: `cluster divides the pictures of an index into groups by spherical k-means, or with --threshold into groups of pictures
that are alike, such as those of one event. The group column has the number of the group, the largest first; all pictures are kept.

--words names each group by the words that fit it better than they fit the other groups: those of a file, or with "builtin"
those of a built-in list of things, scenes and dishes. It needs the model that made the index.`,
		Example: `  clipgo cluster --index pictures.index --groups 20 --out groups.csv
  clipgo cluster --index pictures.index --words builtin --out groups.csv
  clipgo cluster --index pictures.index --threshold 0.85 --out events.csv`,
	}, &o, &o.curationOptions, o.groupOptions.check, func(ctx context.Context, c *curation.Collection) (*curation.Result, error) {
		k, err := o.divide(ctx, c)
		if err != nil {
			return nil, err
		}
		names, err := o.name(ctx, a, o.Index, c, k)
		if err != nil {
			return nil, err
		}
		return c.Grouped(k, names), nil
	})
}

type mapOptions struct {
	indexOptions
	groupOptions
	Out        string `json:"out" flag:"out" arg:"file" help:"the map: a page (.html) or a table (.parquet, .csv, .jsonl)"`
	Projector  string `json:"projector" flag:"projector" arg:"dir" help:"write a folder for TensorBoard's projector too"`
	Neighbours int    `json:"neighbours" min:"2" flag:"neighbours" arg:"K" help:"that stay near each picture (default 15)"`
	Epochs     int    `json:"epochs" min:"1" flag:"epochs" arg:"N" help:"passes of the layout (default 200)"`
}

func newMap(a *app) *cobra.Command {
	o := mapOptions{groupOptions: groupOptions{Least: 3}, Neighbours: 15, Epochs: 200}
	c := &cobra.Command{
		Use:   "map --index DIR --out FILE",
		Short: "Place the pictures of an index on a map: those that are alike are near",
		Long: `map places the pictures of an index in two dimensions by UMAP, with exact neighbours. A page (.html) shows the map with its
pictures, coloured by group or folder; an area can be selected and its paths saved. A table has the columns of Embedding Atlas:
projection_x, projection_y, neighbors. The same index and seed give the same map.`,
		Example: `  clipgo map --index pictures.index --out map.html
  clipgo map --index pictures.index --out map.parquet --projector projector`,
		Args: cobra.NoArgs,
	}
	b := cli.BindFlags(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, _ []string) error { return o.run(ctx, a.console) })
	return c
}

func (o *mapOptions) run(ctx context.Context, console *console) error {
	if err := errors.Join(o.indexOptions.check(), o.groupOptions.check()); err != nil {
		return err
	}
	if !mapfile.Known(o.Out) {
		return usagef("--out %s: the ending is not %s", o.Out, mapfile.Formats)
	}
	c, err := readCollection(ctx, o.Index)
	if err != nil {
		return err
	}
	near, err := c.Neighbours(ctx, o.Neighbours)
	if err != nil {
		return err
	}
	bar := console.progress("map", int64(o.Epochs))
	place, err := c.Map(ctx, near, curation.MapOptions{Neighbours: o.Neighbours, Epochs: o.Epochs, Seed: o.Seed,
		Progress: func(done, _ int) { bar.set(int64(done)) }})
	bar.done()
	if err != nil {
		return err
	}
	groups, err := o.divide(ctx, c)
	if err != nil {
		return err
	}
	m := mapfile.Map{Collection: c, Place: place, Near: near, Groups: c.Grouped(groups, nil).Decisions}
	if err := m.Write(o.Out); err != nil {
		return err
	}
	if o.Projector != "" {
		if err := mapfile.WriteProjector(o.Projector, c, sheet.Picture); err != nil {
			return err
		}
	}
	return console.show(map[string]any{"pictures": c.Len(), "out": o.Out}, func() []string {
		return []string{"wrote " + o.Out}
	})
}
