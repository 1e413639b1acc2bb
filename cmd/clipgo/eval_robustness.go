package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

type robustnessOptions struct {
	pretrained.Settings
	Baseline string `json:"baseline" flag:"baseline" arg:"dir" help:"results of eval benchmark for other models, for effective robustness"`
}

func newEvalRobustness(a *app) *cobra.Command {
	o := robustnessOptions{Settings: pretrained.DefaultSettings()}
	c := &cobra.Command{
		Use:   "robustness --model M REFERENCE DATA...",
		Short: "Accuracy on shifted data sets, and its gap to a reference set",
		Long: `robustness measures zero-shot classification on a reference set and on shifted sets of the same classes, such as ImageNet and
ImageNet-Sketch. It prints the accuracies, the gap to the reference and the share that is retained. If a shifted set has only some
of the classes, as ImageNet-A has, both accuracies are of these classes alone.

With --baseline, the folder of an eval benchmark of other models on the same sets, it prints the effective robustness: the accuracy
minus that of the line between the logits of both accuracies that fits these models (Taori et al., 2020).`,
		Example: `  clipgo eval robustness --model runs/a wds_imagenet1k wds_imagenetv2 wds_imagenet_sketch
  clipgo eval robustness --model runs/a wds_imagenet1k wds_imagenet-r --baseline results --json`,
		Args: cobra.MinimumNArgs(2),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		var sets []*benchmark.Data
		for _, place := range args {
			d, err := benchmark.Open(place, o.Settings.Data)
			if err != nil {
				return err
			}
			sets = append(sets, d)
		}
		return evaluateSets(ctx, a, command{c, args, o, &o.Settings}, said, sets, func(ctx context.Context) error {
			return o.run(ctx, a, said, sets)
		})
	})
	return c
}

func (o *robustnessOptions) run(ctx context.Context, a *app, said config.Layer, sets []*benchmark.Data) error {
	s := &benchmark.Suite{Settings: o.Settings, Data: sets, Skipped: a.console.tellSkip}
	s.Opened = func(info datasets.Info) { tellNotes(a.console, info) }
	baseline, err := benchmark.ReadBaseline(o.Baseline)
	if err != nil {
		return err
	}
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	if err := divide(a, o.Model, m); err != nil {
		return err
	}
	bar := a.console.laterProgress("embed")
	s.Progress = func(_ benchmark.Cell, _ string, done, all int64) { bar.set(done, all) }
	r, err := s.Robustness(ctx, m, s.Data[0], s.Data[1:], baseline)
	bar.done()
	if err != nil {
		return err
	}
	return showMeasured(a.console, m, s.Data[0].Place, r)
}
