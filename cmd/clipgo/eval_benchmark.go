package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/probe"
)

type benchmarkOptions struct {
	pretrained.Settings
	Models  string `json:"models" flag:"models" arg:"A,B|file" help:"models, or a .txt file with one a line; MODEL@TAG adds --pretrained TAG"`
	Sets    string `json:"sets" flag:"data" arg:"A,B|file" help:"data sets, or a .txt file with one a line; NAME=PLACE gives a name"`
	Tasks   string `json:"tasks" flag:"tasks" arg:"a,b" help:"names of tasks, see above (default auto)"`
	Out     string `json:"out" flag:"out" arg:"dir" help:"folder of the results"`
	Part    string `json:"part" flag:"part" arg:"i/n" help:"compute the i-th of n shares of the models and data sets"`
	Recalls []int  `json:"recall_k" flag:"recall-k" arg:"1,5,10" help:"the K of recall at K"`
	Solver  string `json:"solver" flag:"solver" arg:"name" help:"of linear probes: adamw as CLIP_benchmark, or logistic (default adamw)"`
	Shots   int    `json:"fewshot_k" min:"0" flag:"fewshot-k" arg:"k" help:"training samples per class of linear probes (default all)"`
}

func newEvalBenchmark(a *app) *cobra.Command {
	o := benchmarkOptions{Settings: pretrained.DefaultSettings(), Tasks: "auto", Recalls: []int{1, 5, 10}, Solver: "adamw"}
	c := &cobra.Command{
		Use:   "benchmark --models A,B --data A,B --out DIR",
		Short: "Many models on many data sets, with CLIP_benchmark's files and a page",
		Long: `benchmark measures each model on each data set and writes into DIR what CLIP_benchmark writes: a JSON file for each
result and benchmark.csv. index.html is a page to sort, filter and compare them, with 95 % intervals of differences.

What is in DIR already, for the same model, data and settings, is not computed again. The same command continues a
benchmark that was interrupted. A model or data set that can't be read costs its own results only.

A data set is a folder in CLIP_benchmark's layout (test, train and val with shards, classnames.txt), or whatever zeroshot
and eval retrieval take. Without --tasks, sets with classes are classified, sets with captions
retrieved, and captions chosen for SugarCrepe, Winoground and ARO.

Tasks are ` + benchmark.TaskNames() + ".",
		Example: `  clipgo eval benchmark --models runs/a,runs/b --data wds_cifar10,wds_flickr8k --out results
  clipgo eval benchmark --models models.txt --data sets.txt --tasks zeroshot_classification,linear_probe --out results`,
		Args: cobra.NoArgs,
	}
	b := bind(c, &o)
	c.RunE = b.runs(func(ctx context.Context, said config.Layer, _ []string) error {
		s, err := o.suite(a, said)
		if err != nil {
			return err
		}
		bar := a.console.laterProgress("embed")
		s.Progress = func(_ benchmark.Cell, _ string, done, all int64) { bar.set(done, all) }
		s.Report = func(e benchmark.Event) {
			bar.done()
			a.console.say("%s", e.Line())
		}
		failed := s.Run(ctx)
		bar.done()
		if ctx.Err() != nil {
			a.console.say("the complete results are kept; the same command goes on from there")
			return failed
		}
		entries, err := benchmark.WriteTable(o.Out)
		if err != nil {
			return err
		}
		return errors.Join(showBenchmark(a.console, entries, o.Out), failed)
	})
	return c
}

// showBenchmark prints a line for each result.
func showBenchmark(c *console, entries []benchmark.Entry, out string) error {
	if c.json {
		var errs []error
		for _, r := range benchmark.Results(entries) {
			errs = append(errs, c.result(r))
		}
		return errors.Join(errs...)
	}
	return c.show(nil, func() []string { return benchmark.Lines(entries, out) })
}

// suite is what the options ask for.
func (o *benchmarkOptions) suite(a *app, said config.Layer) (*benchmark.Suite, error) {
	for flag, value := range map[string]string{"--models": o.Models, "--data": o.Sets, "--out": o.Out} {
		if value == "" {
			return nil, usagef("%s is missing", flag)
		}
	}
	useConsole(a, &o.Settings, said)
	s := &benchmark.Suite{Out: o.Out, Settings: o.Settings, Recalls: o.Recalls}
	s.Probe = probe.Protocol{AdamW: probe.CLIPBenchmark, Normalize: true, Shots: o.Shots, Seed: o.Seed, Logistic: o.Solver == "logistic"}
	if o.Solver != "adamw" && o.Solver != "logistic" {
		return nil, usagef("--solver %s: it is adamw or logistic", o.Solver)
	}
	if _, err := fmt.Sscanf(o.Part, "%d/%d", &s.Part, &s.Parts); o.Part != "" && err != nil {
		return nil, usagef("--part %s: it is i/n, such as 1/4", o.Part)
	}
	return s, s.Parse(o.Models, o.Sets, o.Tasks)
}
