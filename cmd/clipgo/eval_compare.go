package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

type compareOptions struct {
	benchmarkOptions
	Results  string `json:"results" flag:"results" arg:"dir" help:"folder of results that has both models; with --data it gets what is missing"`
	HTML     string `json:"html" flag:"html" arg:"file" help:"write a page with the pictures that were won and lost"`
	Examples int    `json:"examples" min:"0" flag:"examples" arg:"n" help:"won and lost samples of each result to show (default 12)"`
}

func newEvalCompare(a *app) *cobra.Command {
	o := compareOptions{benchmarkOptions: benchmarkDefaults(), Examples: 12}
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "What changed between two models, by data set, class and picture",
		Long: `compare says what changed from A to B: the values of each data set and task, the difference of the samples with its
95 % interval, the classes, and the samples that only one of both got right.

A and B are folders of results of eval benchmark, or of CLIP_benchmark, which has values alone: the models that both have are
compared, or the only model of each. With
--results DIR, A and B are two models of the results in DIR. With --data, A and B are models that are measured first;
--results DIR keeps what was measured.`,
		Example: `  clipgo eval compare results-monday results-tuesday
  clipgo eval compare a b --results results --html changes.html
  clipgo eval compare runs/a runs/b --data wds_cifar10,wds_flickr8k --json`,
		Args: cobra.ExactArgs(2),
	}
	b := cli.Bind(c, &o, "models", "out", "part")
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		if o.Sets != "" && o.Results == "" {
			dir, err := os.MkdirTemp("", "clipgo-compare-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			o.Results = dir
		}
		failed, err := o.measure(ctx, a, said, args)
		if err != nil {
			return errors.Join(failed, err)
		}
		changes, err := o.compare(args[0], args[1])
		if err != nil {
			return errors.Join(failed, err)
		}
		if o.HTML != "" {
			if err := o.write(ctx, a, changes); err != nil {
				return err
			}
		}
		return errors.Join(showChanges(a.console, changes), failed)
	})
	return c
}

// measure computes what is missing if there is data. failed is the error of the results that can't be computed.
func (o *compareOptions) measure(ctx context.Context, a *app, said config.Layer, models []string) (failed, err error) {
	if o.Sets == "" {
		return nil, nil
	}
	o.Out, o.Models = o.Results, strings.Join(models, ",")
	s, err := o.suite(a, said)
	if err != nil {
		return nil, err
	}
	failed = runSuite(ctx, a.console, s)
	if ctx.Err() != nil {
		return nil, failed
	}
	_, err = benchmark.WriteTable(o.Out)
	return failed, err
}

func (o *compareOptions) compare(first, second string) (*benchmark.Changes, error) {
	if o.Results == "" {
		changes, err := benchmark.CompareFolders(first, second, o.Examples)
		if fault.Of(err) == fault.Usage {
			err = fmt.Errorf("%w; models need --results, or --data to be measured", err)
		}
		return changes, err
	}
	return benchmark.CompareModels(o.Results, first, second, o.Examples)
}

// write writes the page.
func (o *compareOptions) write(ctx context.Context, a *app, changes *benchmark.Changes) error {
	missing := 0
	err := durable.WriteFile(o.HTML, 0o644, func(w io.Writer) (err error) {
		missing, err = changes.WritePage(ctx, w, "Comparison", o.Settings.Data)
		return err
	})
	if err == nil && missing > 0 {
		a.console.say("%d pictures are missing on the page", missing)
	}
	return err
}

// showChanges prints a line of JSON for each comparison and one for the whole, or all lines for people.
func showChanges(c *console, changes *benchmark.Changes) error {
	if !c.json {
		return c.show(nil, changes.Lines)
	}
	for _, one := range changes.Comparisons {
		if err := c.result(one); err != nil {
			return err
		}
	}
	return c.result(changes)
}
