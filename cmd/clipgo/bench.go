package main

import (
	"context"
	"runtime"

	"clipgo/bench"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"

	"github.com/spf13/cobra"
)

func newBench(a *app) *cobra.Command {
	o := bench.Options{BatchSize: 64, Tokens: 12, Steps: 10, Workers: runtime.GOMAXPROCS(0), Machine: pretrained.DefaultMachine()}
	c := &cobra.Command{
		Use:   "bench train|embed|load --model M",
		Short: "Measure training, embedding and data-loading speed",
		Long: `bench times training steps (train), embedding pictures (embed), or reading and decoding a data source (load). train and
embed take pictures of noise and captions of real words, all of --tokens tokens, so that results depend on the machine only.`,
		Example:   "  clipgo bench train --model ViT-S-32-alt --batch-size 64\n  clipgo bench load --model ViT-B-32 --data photos/",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"train", "embed", "load"},
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		return runBench(ctx, a, &o, args[0])
	})
	return c
}

func runBench(ctx context.Context, a *app, o *bench.Options, what string) error {
	src, err := a.console.findModel(ctx, o.Model, "")
	if err != nil {
		return err
	}
	if o.Tokens > src.Config.Text.ContextLength {
		return usagef("--tokens: %d is more than the context of %d", o.Tokens, src.Config.Text.ContextLength)
	}
	run := map[string]func(context.Context, pretrained.Source) (bench.Result, error){"train": o.Train, "embed": o.Embed,
		"load": o.Load}[what]
	if run == nil {
		return usagef("bench %s: it is train, embed or load", what)
	}
	r, err := run(ctx, src)
	if err != nil {
		return err
	}
	if a.console.json {
		return a.console.result(r)
	}
	switch what {
	case "train":
		a.console.print("%.1f pairs/s, %.4f s a step of %d, %.1f GFLOP/s, at most %d MB resident, %s, %d threads, libtorch %s",
			r.PairsPerSecond, r.StepSeconds, o.BatchSize, r.FLOPs/1e9, r.PeakBytes>>20, r.Precision, r.Threads, r.Libtorch)
	case "embed":
		a.console.print("%.1f images/s, %.1f GFLOP/s, %s, %d threads, libtorch %s", r.ImagesPerSecond, r.FLOPs/1e9, r.Precision,
			r.Threads, r.Libtorch)
	default:
		a.console.print("%.1f images/s read and decoded by %d workers, %d samples skipped", r.ImagesPerSecond, r.Workers, *r.Skipped)
		for _, reason := range r.MostSkipped() {
			a.console.print("%6d skipped: %s", r.SkipReasons[reason], reason)
		}
	}
	return nil
}
