// Package bench times training steps, embedding and data loading on this machine.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"clipgo/bench/workload"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/memory"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/text/bpe"
	"clipgo/training"
)

// Options choose what is measured. The tags are those of clipgo bench.
type Options struct {
	Model     string `json:"model" flag:"model" arg:"M" help:"config name or model (for load: its picture size and context)"`
	BatchSize int    `json:"batch_size" min:"1" max:"65536" flag:"batch-size" arg:"N" help:"pairs in a step (default 64)"`
	Tokens    int    `json:"tokens" min:"2" flag:"tokens" arg:"N" help:"tokens of a caption, start and end included (default 12)"`
	Steps     int    `json:"steps" min:"1" flag:"steps" arg:"N" help:"steps measured (default 10)"`
	Data      string `json:"data" flag:"data" arg:"SRC" help:"what load reads (default builtin:emoji)"`
	Workers   int    `json:"workers" min:"1" max:"1024" flag:"workers" arg:"N" help:"goroutines that read and decode (default one for each core)"`
	Profile   string `json:"cpu_profile" flag:"cpu-profile" arg:"file" help:"write a CPU profile of the steps measured, for go tool pprof"`

	GradCheckpointing bool `json:"grad_checkpointing,omitempty" flag:"grad-checkpointing" help:"as in train: recompute activations in the backward pass, to save memory"`
	pretrained.Machine
}

// Result is the speed of this machine: the median of the steps after the first one, in which libtorch prepares itself. A zero field
// was not measured.
type Result struct {
	PairsPerSecond  float64   `json:"pairs_per_second,omitzero"`
	StepSeconds     float64   `json:"step_seconds,omitzero"`
	Seconds         []float64 `json:"seconds,omitempty"` // of each step measured
	ImagesPerSecond float64   `json:"images_per_second"`
	FLOPs           float64   `json:"flops_per_second,omitzero"`
	// the most that the process had resident while it was measured, libraries included
	PeakBytes int64  `json:"peak_bytes,omitzero"`
	Device    string `json:"device,omitzero"`
	Precision string `json:"precision,omitzero"`
	Threads   int    `json:"threads,omitzero"`
	Libtorch  string `json:"libtorch,omitzero"`
	Workers   int    `json:"workers,omitzero"`
	Skipped   *int   `json:"skipped,omitzero"` // samples that could not be used; they don't count in the rate

	SkipReasons map[string]int `json:"skip_reasons,omitempty"` // why, and how often
}

// MostSkipped are the reasons of SkipReasons, the commonest first, at most five.
func (r Result) MostSkipped() []string {
	const shown = 5
	all := slices.SortedFunc(maps.Keys(r.SkipReasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.SkipReasons[b], r.SkipReasons[a]), cmp.Compare(a, b))
	})
	return all[:min(len(all), shown)]
}

func (o *Options) place(ctx context.Context, src pretrained.Source) (*model.Model, Result, error) {
	if o.Int8() {
		m, err := src.BuildInt8(ctx, o.Machine, 0)
		env := run.Environment()
		return m, Result{Device: "cpu", Precision: "int8", Threads: env.Threads, Libtorch: env.Libtorch}, err
	}
	at, err := o.Placement()
	if err != nil {
		return nil, Result{}, err
	}
	m, err := src.Build(ctx, at, 0)
	if err != nil {
		return nil, Result{}, err
	}
	env := run.Environment()
	return m, Result{Device: pretrained.DeviceName(at.Device), Precision: pretrained.PrecisionName(at.DType), Threads: env.Threads,
		Libtorch: env.Libtorch}, nil
}

// Train times optimizer steps with open_clip's settings, with gradients clipped to a norm of 1.
func (o *Options) Train(ctx context.Context, src pretrained.Source) (r Result, err error) {
	if err := o.Trains(); err != nil {
		return r, err
	}
	m, r, err := o.place(ctx, src)
	if err != nil {
		return r, err
	}
	defer m.Free()
	m.Recompute = o.GradCheckpointing
	captions, err := workload.NewCaptions(ctx, o.Tokens, src.Config.Text.ContextLength)
	if err != nil {
		return r, err
	}
	objective := &contrastive.Objective{Model: m, Loss: contrastive.InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	t := &training.Trainer{Objective: objective, LR: 1e-4, Schedule: optim.Schedule{Kind: optim.Const, Steps: o.Steps + 1}}
	settings := optim.Default()
	settings.GradClipNorm = 1
	if t.Optimizer, err = run.NewOptimizer(ctx, objective.Params(), settings, training.Shard{}); err != nil {
		return r, err
	}
	defer t.Optimizer.Free()
	if m.Device() != torch.CPU {
		t.ReadEvery = o.Steps + 1
	}
	b := &datasets.Batch{N: o.BatchSize, Pixels: o.pixels(src), ContextLength: src.Config.Text.ContextLength, MaxTokens: o.Tokens}
	_ = memory.ResetPeak() // so that the peak is that of the steps, where the system can reset it
	r.Seconds, err = o.time(ctx, func() { b.IDs = captions.Batch(o.BatchSize) }, func() error {
		if _, err := t.Step(ctx, b); err != nil {
			return err
		}
		return t.Sync(ctx) // a GPU may still be computing
	})
	r.PeakBytes, _ = memory.Peak() // 0 where the system has no such counter
	const passes = 3               // the backward pass costs two forward ones
	r.StepSeconds = workload.Median(r.Seconds)
	r.PairsPerSecond = float64(o.BatchSize) / r.StepSeconds
	r.ImagesPerSecond = r.PairsPerSecond
	r.FLOPs = passes * src.Config.FLOPs(o.Tokens) * r.PairsPerSecond
	return r, err
}

// Embed times the image encoder on pictures of noise, [N, S, S, 3].
func (o *Options) Embed(ctx context.Context, src pretrained.Source) (r Result, err error) {
	m, r, err := o.place(ctx, src)
	if err != nil {
		return r, err
	}
	defer m.Free()
	pixels := o.pixels(src)
	r.Seconds, err = o.time(ctx, func() {}, func() error {
		_, err := m.EmbedImages(ctx, pixels, o.BatchSize)
		return err
	})
	r.StepSeconds = workload.Median(r.Seconds)
	r.ImagesPerSecond = float64(o.BatchSize) / r.StepSeconds
	r.FLOPs = src.Config.ImageFLOPs() * r.ImagesPerSecond
	return r, err
}

// Load times reading and decoding a data source. It needs no libtorch.
func (o *Options) Load(ctx context.Context, src pretrained.Source) (r Result, err error) {
	name := o.Data
	if name == "" {
		name = "builtin:emoji"
	}
	data, err := datasets.Open(ctx, name, datasets.Options{})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	m := pretrained.NewEmbedder(model.Declare(src.Config), src, nil, pretrained.Settings{Workers: o.Workers, BatchSize: o.BatchSize,
		MaxSkip: 1})
	m.Preprocess = src.Preprocess
	loader := m.Loader(data)
	loader.Tokens = bpe.New().FillCut // as training reads captions
	var used, skipped int
	reasons := map[string]int{}
	begun := time.Now()
	for b, err := range loader.Batches(ctx, 0, int64(o.Steps)*int64(o.BatchSize)) {
		if err != nil {
			return r, err
		}
		used += b.N
		skipped += len(b.Skipped)
		for _, s := range b.Skipped {
			reasons[s.Reason]++
		}
	}
	return Result{ImagesPerSecond: float64(used) / time.Since(begun).Seconds(), Workers: o.Workers, Skipped: &skipped,
		SkipReasons: reasons}, nil
}

// time returns the seconds of each step after the first one, in which libtorch prepares itself. prepare is not counted.
func (o *Options) time(ctx context.Context, prepare func(), step func() error) (seconds []float64, err error) {
	stop := func() error { return nil }
	defer func() { err = errors.Join(err, stop()) }()
	for i := range o.Steps + 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i == 1 && o.Profile != "" {
			if stop, err = profile(o.Profile); err != nil {
				return nil, fault.Setting("cpu_profile", "%w", err)
			}
		}
		prepare()
		begun := time.Now()
		if err := step(); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		if i > 0 {
			seconds = append(seconds, time.Since(begun).Seconds())
		}
	}
	return seconds, nil
}

// profile samples the process until stop is called, which is never nil.
func profile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return func() error { return nil }, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, pprof.StartCPUProfile(f)
}

// pixels is a batch of pictures of noise, [N, S, S, 3].
func (o *Options) pixels(src pretrained.Source) []uint8 {
	size := src.Config.Vision.ImageSize
	pixels := make([]uint8, o.BatchSize*size*size*3)
	for i := range pixels {
		pixels[i] = uint8(i * 2654435761 >> 7)
	}
	return pixels
}
