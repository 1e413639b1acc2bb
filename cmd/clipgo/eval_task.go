package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

type taskOptions struct {
	pretrained.Settings
	Errors   int    `json:"errors" min:"0" flag:"errors" arg:"N" help:"the most confident errors that are listed (default 10)"`
	PerClass bool   `json:"per_class" flag:"per-class" help:"add a table of the classes"`
	Out      string `json:"out" flag:"out" arg:"file" help:"write CLIP_benchmark's JSON into a file"`
	probeOptions
}

// newEvalTasks are the commands that measure one task of a benchmark, for one model and one data set.
func newEvalTasks(a *app) (out []*cobra.Command) {
	for _, t := range benchmark.Commands {
		o := taskOptions{Settings: pretrained.DefaultSettings(), Errors: 10, probeOptions: defaultProbeOptions()}
		c := &cobra.Command{
			Use: t.Name + " --model M DATA", Short: t.Short, Long: t.Long, Args: cobra.ExactArgs(1),
			Example: fmt.Sprintf("  clipgo eval %s --model runs/a %s\n  clipgo eval %[1]s --model runs/a %[2]s --json --out result.json",
				t.Name, t.Example),
		}
		b := cli.Bind(c, &o, t.Without...)
		c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
			return o.run(ctx, a, said, t, args[0])
		})
		out = append(out, c)
	}
	return out
}

func (o *taskOptions) run(ctx context.Context, a *app, said config.Layer, t benchmark.Command, place string) error {
	s := &benchmark.Suite{Errors: o.Errors}
	if o.Errors == 0 {
		s.Errors = benchmark.NoErrors
	}
	if err := o.probeOptions.set(s, o.Seed, said); err != nil {
		return err
	}
	r, err := measureTask(ctx, a, &o.Settings, said, s, t, place, o.Out)
	if err != nil {
		return err
	}
	if !o.PerClass && !a.console.json {
		r.HideClasses()
	}
	return r.show()
}

// measuredTask is a result that is ready to be shown.
type measuredTask struct {
	*benchmark.Together
	show func() error
}

// measureTask measures a task with the model of --model, and writes CLIP_benchmark's JSON to out unless it is empty.
func measureTask(ctx context.Context, a *app, o *pretrained.Settings, said config.Layer, s *benchmark.Suite, t benchmark.Command, place,
	out string) (*measuredTask, error) {
	sets, err := benchmark.OpenAll(place, o.Data)
	if err != nil {
		return nil, err
	}
	m, err := openModel(ctx, a, o, said)
	if err != nil {
		return nil, err
	}
	defer m.Free()
	bar := a.console.laterProgress("embed")
	s.Settings, s.Skipped = *o, a.console.tellSkip
	s.Opened = func(info datasets.Info) { tellNotes(a.console, info) }
	s.Progress = func(_ benchmark.Cell, _ string, done, all int64) { bar.set(done, all) }
	r, err := s.MeasureAll(ctx, m, sets, t.Task)
	bar.done()
	if err == nil {
		err = r.Demand(t.Metric)
	}
	if err == nil && out != "" {
		err = r.WriteFile(out)
	}
	return &measuredTask{r, func() error { return showMeasured(a.console, m, place, r) }}, err
}
