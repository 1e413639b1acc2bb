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
			return o.run(ctx, a, command{c, args, o, &o.Settings}, said, t)
		})
		out = append(out, c)
	}
	return out
}

func (o *taskOptions) run(ctx context.Context, a *app, c command, said config.Layer, t benchmark.Command) error {
	s := &benchmark.Suite{Errors: o.Errors}
	if o.Errors == 0 {
		s.Errors = benchmark.NoErrors
	}
	if err := o.probeOptions.set(s, o.Seed, said); err != nil {
		return err
	}
	return measureTask(ctx, a, c, said, s, t, o.Out, func(r *measuredTask) error {
		if !o.PerClass && !a.console.json {
			r.HideClasses()
		}
		return r.show()
	})
}

// measuredTask is a result that is ready to be shown.
type measuredTask struct {
	*benchmark.Together
	show func() error
}

// print shows the result.
func (r *measuredTask) print() error { return r.show() }

// measureTask measures a task with the model of --model, and writes CLIP_benchmark's JSON to out unless it is empty.
// c is a command for one place.
func measureTask(ctx context.Context, a *app, c command, said config.Layer, s *benchmark.Suite, t benchmark.Command, out string,
	show func(*measuredTask) error) error {
	sets, err := benchmark.OpenAll(c.args[0], c.settings.Data)
	if err != nil {
		return err
	}
	return evaluateSets(ctx, a, c, said, sets, func(ctx context.Context) error {
		m, err := openModel(ctx, a, c.settings, said)
		if err != nil {
			return err
		}
		defer m.Free()
		if err := divide(a, c.settings.Model, m); err != nil {
			return err
		}
		r, err := measureSets(ctx, a, c, m, s, t, sets, out)
		if err != nil {
			return err
		}
		return show(&measuredTask{r, func() error { return showMeasured(a.console, m, c.args[0], r) }})
	})
}

// measureSets measures a task with an open model.
func measureSets(ctx context.Context, a *app, c command, m *pretrained.Embedder, s *benchmark.Suite, t benchmark.Command,
	sets []*benchmark.Data, out string) (*benchmark.Together, error) {
	bar := a.console.laterProgress("embed")
	s.Settings, s.Skipped = *c.settings, a.console.tellSkip
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
	return r, err
}
