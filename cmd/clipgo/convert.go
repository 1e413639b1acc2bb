package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained/convert"
)

func newConvert(a *app) *cobra.Command {
	var o convert.Options
	c := &cobra.Command{
		Use:   "convert SRC DST --to open_clip|hf",
		Short: "Write a model for open_clip or transformers",
		Long: `convert writes a new folder with weights, configs, tokenizer and a model card: for open_clip (local-dir:DST) or for
transformers (CLIPModel.from_pretrained). SRC is whatever --model takes elsewhere. No number changes unless --dtype says so.`,
		Example: `  clipgo convert runs/emoji emoji-hf --to hf
  clipgo convert clip-vit-base-patch32 clip-b32 --to open_clip --dtype f16
  clipgo convert ViT-B-32 clip-b32 --pretrained ViT-B-32.pt --to hf`,
		Args: cobra.ExactArgs(2),
	}
	b := cli.BindFlags(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		if o.To == "" {
			return usagef("--to is missing: open_clip or hf")
		}
		if err := o.Validate(); err != nil {
			return err
		}
		if err := vacant(args[1]); err != nil {
			return err
		}
		o.Find, o.Log, o.Program = a.console.findModel, a.console.log, "clipgo "+version
		r, err := convert.Run(ctx, o, args[0], args[1])
		if err != nil {
			return err
		}
		return a.console.show(r, r.Lines)
	})
	return c
}
