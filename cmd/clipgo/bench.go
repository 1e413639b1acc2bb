package main

import (
	"clipgo/pretrained"
	"context"
	"runtime"

	"github.com/spf13/cobra"
)

type benchOptions struct {
	Model     string `json:"model" flag:"model" arg:"M" help:"config name or model (for load: its picture size and context)"`
	BatchSize int    `json:"batch_size" min:"1" flag:"batch-size" arg:"N" help:"pairs in a step (default 64)"`
	Tokens    int    `json:"tokens" min:"2" flag:"tokens" arg:"N" help:"tokens of a caption, start and end included (default 12)"`
	Steps     int    `json:"steps" min:"1" flag:"steps" arg:"N" help:"steps measured (default 10)"`
	Data      string `json:"data" flag:"data" arg:"SRC" help:"what load reads (default builtin:emoji)"`
	Workers   int    `json:"workers" min:"1" flag:"workers" arg:"N" help:"goroutines that read and decode"`
	Profile   string `json:"cpu_profile" flag:"cpu-profile" arg:"file" help:"write a CPU profile of the steps measured, for go tool pprof"`

	GradCheckpointing bool `json:"grad_checkpointing,omitempty" flag:"grad-checkpointing" help:"as in train: recompute activations in the backward pass, to save memory"`
	pretrained.Machine
}

// benchResult is what a machine does, by the median of the steps after the first, in which libtorch prepares itself. What a
// measurement doesn't tell is left out.
type benchResult struct {
	PairsPerSecond  float64   `json:"pairs_per_second,omitzero"`
	StepSeconds     float64   `json:"step_seconds,omitzero"`
	Seconds         []float64 `json:"seconds,omitempty"` // of each step measured
	ImagesPerSecond float64   `json:"images_per_second"`
	FLOPs           float64   `json:"flops_per_second,omitzero"`
	PeakBytes       int64     `json:"peak_bytes,omitzero"` // the most that the process had resident while it was measured, libraries included
	Device          string    `json:"device,omitzero"`
	Precision       string    `json:"precision,omitzero"`
	Threads         int       `json:"threads,omitzero"`
	Libtorch        string    `json:"libtorch,omitzero"`
	Workers         int       `json:"workers,omitzero"`
	Skipped         *int      `json:"skipped,omitzero"` // samples that could not be used; they don't count in the rate
}

func newBench(a *app) *cobra.Command {
	o := benchOptions{BatchSize: 64, Tokens: 12, Steps: 10, Workers: runtime.GOMAXPROCS(0), Machine: pretrained.DefaultMachine()}
	c := &cobra.Command{
		Use:   "bench train|embed|load --model M",
		Short: "Measure training, embedding and data-loading speed",
		Long: `bench times training steps (train), embedding pictures (embed), or reading and decoding a data source (load). train and
embed take pictures of noise and captions of real words, all of --tokens tokens, so that results depend on the machine only.`,
		Example:   "  clipgo bench train --model ViT-S-32-alt --batch-size 64\n  clipgo bench load --model ViT-B-32 --data photos/",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"train", "embed", "load"},
	}
	b := bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		if _, err := b.apply(); err != nil {
			return err
		}
		return o.run(c.Context(), a, args[0])
	}
	return c
}

func (o *benchOptions) run(ctx context.Context, a *app, what string) error {
	src, err := a.console.findModel(ctx, o.Model, "")
	if err != nil {
		return err
	}
	if o.Tokens > src.Config.Text.ContextLength {
		return usagef("--tokens: %d is more than the context of %d", o.Tokens, src.Config.Text.ContextLength)
	}
	measure := map[string]func(context.Context, pretrained.Source) (benchResult, error){"train": o.train, "embed": o.embed, "load": o.load}[what]
	if measure == nil {
		return usagef("bench %s: it is train, embed or load", what)
	}
	r, err := measure(ctx, src)
	if err != nil {
		return err
	}
	if a.console.json {
		return a.console.result(r)
	}
	switch what {
	case "train":
		a.console.print("%.1f pairs/s, %.4f s a step of %d, %.1f GFLOP/s, at most %d MB resident, %s, %d threads, libtorch %s", r.PairsPerSecond, r.StepSeconds, o.BatchSize, r.FLOPs/1e9, r.PeakBytes>>20, r.Precision, r.Threads, r.Libtorch)
	case "embed":
		a.console.print("%.1f images/s, %.1f GFLOP/s, %s, %d threads, libtorch %s", r.ImagesPerSecond, r.FLOPs/1e9, r.Precision, r.Threads, r.Libtorch)
	default:
		a.console.print("%.1f images/s read and decoded by %d workers, %d samples skipped", r.ImagesPerSecond, r.Workers, *r.Skipped)
	}
	return nil
}
