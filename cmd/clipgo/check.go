package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/spf13/cobra"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/datasets/check"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/durable"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/text/bpe"
	"clipgo/vision/preprocess"
)

// checkOptions are what check is asked for.
type checkOptions struct {
	check.Settings
	Data  datasets.Options `json:"data"`
	Model string           `json:"model" flag:"model" arg:"M" help:"the model to train: its tokenizer, picture size and recipe (default CLIP's tokenizer, 224 pixels)"`
	HTML  string           `json:"html" flag:"html" arg:"file" help:"write a page of what was found"`
}

func newCheck(a *app) *cobra.Command {
	o := checkOptions{Settings: check.DefaultSettings()}
	o.Workers = runtime.GOMAXPROCS(0)
	c := &cobra.Command{
		Use:   "check SRC",
		Short: "Find out what a training would meet in its data, before it starts",
		Long: `check reads all entries and captions, the headers of pictures, and decodes a random sample of them, or all with --all. It
counts what can't be used and why, and describes captions and pictures. The exit code is 3 if a training would end because of
--max-skip.`,
		Example: "  clipgo check photos.csv --model ViT-B-32 --html check.html\n" +
			"  clipgo check 'shards/{000..099}.tar' --all",
		Args: cobra.ExactArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.Apply()
		if err == nil {
			err = config.Check(&o)
		}
		if err != nil {
			return err
		}
		return runCheck(c.Context(), a.console, o, said, args[0])
	}
	return c
}

func runCheck(ctx context.Context, c *console, o checkOptions, said config.Layer, name string) (err error) {
	settings := check.Options{Settings: o.Settings, Model: o.Model, ContextLength: 77, Preprocess: preprocess.Default(),
		Limits: preprocess.DefaultLimits(), Augment: preprocess.DefaultAugment(), Progress: stages(c)}
	tokens := bpe.New()
	settings.Tokens, settings.Text = tokens.FillCut, tokens.Decode
	if o.Model != "" {
		if err := forModel(ctx, c, &settings, said, name); err != nil {
			return err
		}
	}
	if o.HTML != "" {
		if err := durable.CheckFile(o.HTML); err != nil {
			return usagef("--html: %v", err)
		}
	}
	o.Data.Need = datasets.NeedCaptions // as in training
	src, err := datasets.Open(ctx, name, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	r, stopped := check.Run(ctx, src, settings)
	return errors.Join(stopped, tellCheck(c, r, o.HTML), r.Refusal())
}

// forModel sets what the check takes from a model and its recipe.
func forModel(ctx context.Context, c *console, o *check.Options, said config.Layer, data string) error {
	src, err := c.findModel(ctx, o.Model, "")
	if err != nil {
		return err
	}
	tokens, err := src.Tokenizer()
	if err != nil {
		return err
	}
	recipe, err := contrastive.NamedRecipe(o.Model, data)
	if err == nil && src.Weights != "" {
		recipe, err = recipe.FineTune()
	}
	if err != nil {
		return err
	}
	if run.ByMuon(recipe, "", pretrained.DefaultMachine()) {
		recipe = recipe.ByMuon()
	}
	o.Tokens, o.ContextLength, o.Preprocess, o.Augment = tokens.FillCut, src.Config.Text.ContextLength, src.Preprocess, recipe.Augment
	o.Text = nil
	if t, ok := tokens.(*bpe.Tokenizer); ok {
		o.Text = t.Decode
	}
	if _, given := said["batch_size"]; !given {
		o.BatchSize = recipe.BatchSize
	}
	if _, given := said["epochs"]; !given {
		o.Epochs = recipe.Epochs
	}
	return nil
}

// tellCheck prints what was found, and writes the page.
func tellCheck(c *console, r *check.Result, page string) error {
	if c.json {
		if err := c.result(r); err != nil {
			return err
		}
	} else {
		for _, line := range r.Lines() {
			c.print("%s", line)
		}
	}
	if page == "" {
		return nil
	}
	return durable.WriteFile(page, 0o644, r.WriteHTML)
}

// stages shows the progress of work in several parts.
func stages(c *console) func(what string, total int64) (set func(int64), done func()) {
	return func(what string, total int64) (set func(int64), done func()) {
		p := c.progress(what, total)
		return p.set, p.done
	}
}
