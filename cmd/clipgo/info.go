package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/describe"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

// infoOptions are what info is asked for.
type infoOptions struct {
	datasets.Options
	List   bool `json:"list" flag:"list" help:"list the known model configs, the smallest first"`
	Verify bool `json:"verify" flag:"verify" help:"read all weights, compare all files with the folder's MANIFEST, print a checksum"`
}

func newInfo(a *app) *cobra.Command {
	var o infoOptions
	c := &cobra.Command{
		Use:   "info X",
		Short: "Describe a model, a run, an index or a data source",
		Long: `info describes X: of a model its sizes, parameters, tokenizer, preprocessing and the layout of its weights; of a run what
it trains, how far it is and its last evaluation; of an index its rows, its model and its size; of data how many samples
it has, how many of them can be used, its columns or classes, and what was passed over. --list lists the known configs.`,
		Example: `  clipgo info --list
  clipgo info ViT-B-32
  clipgo info hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K
  clipgo info runs/emoji --verify
  clipgo info pictures.index
  clipgo info photos.csv`,
		Args: cobra.MaximumNArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		switch {
		case o.List && len(args) == 0:
			return listConfigs(a.console)
		case o.List || len(args) != 1:
			return usagef("name one thing to describe, or --list; see clipgo info --help")
		}
		return describeThing(ctx, a.console, args[0], o)
	})
	return c
}

func listConfigs(c *console) error {
	all, err := describe.Configs()
	for _, one := range all {
		err = errors.Join(err, c.show(one, one.Lines))
	}
	return err
}

func describeThing(ctx context.Context, c *console, x string, o infoOptions) error {
	find := func(ctx context.Context, name string) (pretrained.Source, error) { return c.findModel(ctx, name, "") }
	warn := func(note string) { c.log.Warn(note) }
	d, err := describe.Thing(ctx, x, describe.Options{Data: o.Options, Verify: o.Verify, Find: find, Warn: warn})
	if err != nil {
		return err
	}
	return c.show(d, d.Lines)
}
