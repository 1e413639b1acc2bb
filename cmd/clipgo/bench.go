package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/losses"
	"clipgo/text/bpe"
	"clipgo/training"
)

type benchOptions struct {
	Model     string `json:"model"`
	BatchSize int    `json:"batch_size"`
	Tokens    int    `json:"tokens"`
	Steps     int    `json:"steps"`
	Data      string `json:"data"`
	Workers   int    `json:"workers"`
	machine
}

// benchResult is what a machine does, on averages over the steps after the first. What a measurement doesn't tell is left
// out.
type benchResult struct {
	PairsPerSecond  float64 `json:"pairs_per_second,omitzero"`
	StepSeconds     float64 `json:"step_seconds,omitzero"`
	ImagesPerSecond float64 `json:"images_per_second"`
	FLOPs           float64 `json:"flops_per_second,omitzero"`
	Precision       string  `json:"precision,omitzero"`
	Threads         int     `json:"threads,omitzero"`
	Libtorch        string  `json:"libtorch,omitzero"`
	Workers         int     `json:"workers,omitzero"`
	Skipped         *int    `json:"skipped,omitzero"` // samples that could not be used; they don't count in the rate
}

func newBench(a *app) *cobra.Command {
	o := benchOptions{BatchSize: 64, Tokens: 12, Steps: 10, Workers: runtime.GOMAXPROCS(0), machine: defaultMachine()}
	c := &cobra.Command{
		Use:       "bench train|embed|load --model M",
		Short:     "Measure what this machine does",
		Long:      "bench times training steps (train), embedding pictures (embed), or reading and decoding a data source (load).",
		Example:   "  clipgo bench train --model ViT-S-32-alt --batch-size 64\n  clipgo bench load --model ViT-B-32 --data photos/",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"train", "embed", "load"},
	}
	k := newKnobs(c)
	k.flag("model", "model", "M", "config name or model (for load: its picture size and context)")
	k.flag("batch-size", "batch_size", "N", "pairs in a step (default 64)")
	k.flag("tokens", "tokens", "N", "tokens of a caption, start and end included (default 12)")
	k.flag("steps", "steps", "N", "steps measured (default 10)")
	k.flag("data", "data", "SRC", "what load reads (default builtin:emoji)")
	k.flag("workers", "workers", "N", "goroutines that read and decode")
	k.machineFlags("")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := k.apply(&o); err != nil {
			return err
		}
		return o.run(c.Context(), a, args[0])
	}
	return c
}

func (o *benchOptions) run(ctx context.Context, a *app, what string) error {
	if o.BatchSize < 1 || o.Steps < 1 || o.Workers < 1 || o.Tokens < 2 {
		return usagef("--batch-size, --steps and --workers are at least 1, --tokens at least 2")
	}
	src, err := a.console.findModel(ctx, o.Model, "")
	if err != nil {
		return err
	}
	if o.Tokens > src.Config.Text.ContextLength {
		return usagef("--tokens: %d is more than the context of %d", o.Tokens, src.Config.Text.ContextLength)
	}
	measure := map[string]func(context.Context, modelSource) (benchResult, error){"train": o.train, "embed": o.embed, "load": o.load}[what]
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
		a.console.print("%.1f pairs/s, %.4f s a step of %d, %.1f GFLOP/s, %s, %d threads, libtorch %s", r.PairsPerSecond, r.StepSeconds, o.BatchSize, r.FLOPs/1e9, r.Precision, r.Threads, r.Libtorch)
	case "embed":
		a.console.print("%.1f images/s, %.1f GFLOP/s, %s, %d threads, libtorch %s", r.ImagesPerSecond, r.FLOPs/1e9, r.Precision, r.Threads, r.Libtorch)
	default:
		a.console.print("%.1f images/s read and decoded by %d workers, %d samples skipped", r.ImagesPerSecond, r.Workers, *r.Skipped)
	}
	return nil
}

func (o *benchOptions) place(ctx context.Context, src modelSource) (*contrastive.Model, benchResult, error) {
	at, err := o.placement()
	if err != nil {
		return nil, benchResult{}, err
	}
	m, err := src.build(ctx, at, 0)
	if err != nil {
		return nil, benchResult{}, err
	}
	env := environment()
	return m, benchResult{Precision: precisionName(at.DType), Threads: env.Threads, Libtorch: env.Libtorch}, nil
}

func (o *benchOptions) train(ctx context.Context, src modelSource) (r benchResult, err error) {
	m, r, err := o.place(ctx, src)
	if err != nil {
		return r, err
	}
	defer m.Free()
	objective := &contrastive.Objective{Model: m, Loss: contrastive.InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	t := &training.Trainer{Objective: objective, LR: 1e-4, Schedule: optim.Schedule{Kind: optim.Const, Steps: o.Steps + 1}}
	if t.Optimizer, err = newOptimizer(ctx, objective.Params(), optim.Default()); err != nil {
		return r, err
	}
	defer t.Optimizer.Free()
	seconds, err := o.time(ctx, func() error {
		_, err := t.Step(ctx, o.batch(src))
		return err
	})
	const passes = 3 // the backward pass costs two forward ones
	r.StepSeconds = seconds
	r.PairsPerSecond = float64(o.BatchSize) / seconds
	r.ImagesPerSecond = r.PairsPerSecond
	r.FLOPs = passes * src.Config.FLOPs(o.Tokens) * r.PairsPerSecond
	return r, err
}

func (o *benchOptions) embed(ctx context.Context, src modelSource) (r benchResult, err error) {
	m, r, err := o.place(ctx, src)
	if err != nil {
		return r, err
	}
	defer m.Free()
	b := o.batch(src)
	seconds, err := o.time(ctx, func() error {
		_, err := m.EmbedImages(ctx, b.Pixels, b.N)
		return err
	})
	r.StepSeconds = seconds
	r.ImagesPerSecond = float64(o.BatchSize) / seconds
	r.FLOPs = src.Config.ImageFLOPs() * r.ImagesPerSecond
	return r, err
}

// load needs no libtorch.
func (o *benchOptions) load(ctx context.Context, src modelSource) (r benchResult, err error) {
	name := o.Data
	if name == "" {
		name = "builtin:emoji"
	}
	data, err := datasets.Open(name, datasets.Options{})
	if err != nil {
		return r, err
	}
	defer closeWith(&err, data)
	m := &loaded{Model: contrastive.Declare(src.Config), source: src, options: inference{Workers: o.Workers, BatchSize: o.BatchSize, MaxSkip: 1}}
	m.Preprocess = src.Preprocess
	loader := m.loader(data)
	loader.Tokens = bpe.New().FillCut // as training reads captions
	var used, skipped int
	begun := time.Now()
	for b, err := range loader.Batches(ctx, 0, int64(o.Steps)*int64(o.BatchSize)) {
		if err != nil {
			return r, err
		}
		used += b.N
		skipped += len(b.Skipped)
	}
	return benchResult{ImagesPerSecond: float64(used) / time.Since(begun).Seconds(), Workers: o.Workers, Skipped: &skipped}, nil
}

// time is the mean time of a step. The first, in which libtorch prepares itself, doesn't count.
func (o *benchOptions) time(ctx context.Context, step func() error) (float64, error) {
	var begun time.Time
	for i := range o.Steps + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if i == 1 {
			begun = time.Now()
		}
		if err := step(); err != nil {
			return 0, fmt.Errorf("bench: %w", err)
		}
	}
	return time.Since(begun).Seconds() / float64(o.Steps), nil
}

// batch is made up: grey pictures and captions of equal length.
func (o *benchOptions) batch(src modelSource) *datasets.Batch {
	size, l := src.Config.Vision.ImageSize, src.Config.Text.ContextLength
	b := &datasets.Batch{N: o.BatchSize, Pixels: make([]uint8, o.BatchSize*size*size*3), IDs: make([]int32, o.BatchSize*l), ContextLength: l, MaxTokens: o.Tokens}
	for i := range b.Pixels {
		b.Pixels[i] = uint8(i * 2654435761 >> 7)
	}
	for i := range o.BatchSize {
		row := b.IDs[i*l : (i+1)*l]
		row[0], row[o.Tokens-1] = bpe.Start, bpe.End
		for t := 1; t < o.Tokens-1; t++ {
			row[t] = int32(300 + (i*31+t*7)%40000)
		}
	}
	return b
}
