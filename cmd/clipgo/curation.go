package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"clipgo/curation"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/search"
)

// curationOptions are those of all commands that judge the pictures of an index.
type curationOptions struct {
	indexOptions
	Out   string `json:"out" flag:"out" arg:"file" help:"write path,keep,group,score,reason as .csv, .jsonl or .parquet, or the kept paths as .txt"`
	Print string `json:"print" flag:"print" arg:"keep|drop" help:"print only the paths that are kept, or those that are not"`
	Null  bool   `json:"null" flag:"null" short:"0" help:"with --print: end each path with a zero byte"`
}

func (o *curationOptions) check(c *console) error {
	switch err := o.indexOptions.check(); {
	case err != nil:
		return err
	case o.Out != "" && !curation.Known(o.Out):
		return usagef("--out %s: the ending is not %s", o.Out, curation.Formats)
	case o.Print != "" && o.Print != "keep" && o.Print != "drop":
		return usagef("--print %s: it is keep or drop", o.Print)
	case o.Null && o.Print == "":
		return usagef("--null needs --print")
	case c.json && o.Print != "":
		return usagef("--json and --print exclude each other")
	}
	return nil
}

// method is a command that judges the pictures of an index.
type method func(ctx context.Context, c *curation.Collection) (*curation.Result, error)

// judgeCommand makes a command of a method. options has base in it.
func judgeCommand(a *app, command cobra.Command, options any, base *curationOptions, check func() error, judge method) *cobra.Command {
	c := &command
	c.Args = cobra.NoArgs
	b := cli.BindFlags(c, options)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, _ []string) error {
		if err := base.check(a.console); err != nil {
			return err
		}
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		collection, err := readCollection(ctx, base.Index)
		if err != nil {
			return err
		}
		r, err := judge(ctx, collection)
		if err != nil {
			return err
		}
		return base.show(a.console, r)
	})
	return c
}

func readCollection(ctx context.Context, dir string) (*curation.Collection, error) {
	ix, err := search.Open(dir)
	if err != nil {
		return nil, err
	}
	defer ix.Close()
	return curation.Read(ctx, ix, dir)
}

func (o *curationOptions) show(c *console, r *curation.Result) error {
	if o.Out != "" {
		if err := curation.Write(o.Out, r.Decisions); err != nil {
			return err
		}
	}
	switch {
	case c.json:
		for _, d := range r.Decisions {
			if err := c.result(d.Text()); err != nil {
				return err
			}
		}
	case o.Print != "":
		for _, d := range r.Decisions {
			switch {
			case d.Keep != (o.Print == "keep"):
			case o.Null: // for programs: the bytes as they are
				fmt.Fprint(c.out, d.Path+"\x00")
			default:
				c.print("%s", d.Path)
			}
		}
	default:
		for _, line := range r.Summary {
			c.print("%s", line)
		}
		if o.Out != "" {
			c.say("wrote %s; no picture was changed", o.Out)
		}
	}
	return nil
}

// cosine refuses what no cosine is.
func cosine(flag string, v float64) error {
	if !(v >= -1 && v <= 1) {
		return usagef("%s is a cosine similarity between -1 and 1, not %g", flag, v)
	}
	return nil
}
