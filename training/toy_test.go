package training

import (
	"context"
	"iter"
	"math"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// toy pulls two parameters towards a batch's first caption id. What it has to spoil is not finite at that step.
type toy struct {
	params *nn.Params
	spoil  map[int]func(loss *torch.Tensor) *torch.Tensor
	steps  int
	after  int
}

func (o *toy) Params() []*nn.Param { return o.params.All() }

func (o *toy) Accumulate(s *torch.Scope, b *datasets.Batch) (Parts, error) {
	return Finish(o.Begin(s, b))
}

func (o *toy) Begin(s *torch.Scope, b *datasets.Batch) (PendingPass, error) {
	o.steps++
	target := torch.From(s, []float32{float32(b.IDs[0])}, 1)
	var loss *torch.Tensor
	for _, p := range o.params.Tensors() {
		d := target.Sub(p)
		if l := d.Mul(d).Mean(); loss == nil {
			loss = l
		} else {
			loss = loss.Add(l)
		}
	}
	if spoil := o.spoil[o.steps]; spoil != nil {
		loss = spoil(loss)
	}
	loss.Backward()
	return PendingPass{Losses: []*torch.Tensor{loss}, Read: func() Parts { return Parts{Loss: loss.Item(), Scale: 1} }}, nil
}

func (o *toy) AfterStep() { o.after++ }

// The three ways in which a step goes wrong.
func infiniteLoss(l *torch.Tensor) *torch.Tensor { return l.Scale(math.Inf(1)) }
func nanLoss(l *torch.Tensor) *torch.Tensor      { return l.Scale(math.NaN()) }

// infiniteGradient keeps the loss: forward the factors come to 0 before they can grow, backward they overflow first.
func infiniteGradient(l *torch.Tensor) *torch.Tensor {
	return l.Add(l.Scale(1e-30).Scale(1e-30).Scale(1e30).Scale(1e30))
}

func newToy(t *testing.T, steps int) (*Trainer, *toy) {
	t.Helper()
	torchtest.Need(t)
	o := &toy{params: nn.NewParams(), spoil: map[int]func(*torch.Tensor) *torch.Tensor{}}
	o.params.Root().Declare("w", nn.Normal(1), 2, 3)
	o.params.Root().Declare("b", nn.Normal(1), 3)
	tr := &Trainer{Objective: o, LR: 0.1, Schedule: optim.Schedule{Kind: optim.Cosine, Steps: steps}}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		o.params.Fill(1, torch.CPU)
		tr.Optimizer = optim.New(o.Params(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Optimizer.Free(); o.params.Free() })
	return tr, o
}

// values are all parameters' numbers.
func (o *toy) values(t *testing.T) (out []float32) {
	t.Helper()
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range o.params.Tensors() {
			out = append(out, p.Float32s()...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func batch(position int64) *datasets.Batch {
	return &datasets.Batch{N: 4, IDs: []int32{7}, ContextLength: 1, MaxTokens: 1, Next: position + 4}
}

// forever yields batches until ctx ends, as the loader does.
func forever(ctx context.Context) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		for at := int64(0); ; at += 4 {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !yield(batch(at), nil) {
				return
			}
		}
	}
}

// some yields n batches.
func some(n int) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		for i := range n {
			if !yield(batch(int64(4*i)), nil) {
				return
			}
		}
	}
}

// recorder is a hook that keeps its events, and can do something at a step.
type recorder struct {
	events []Event
	at     map[int]func() error
}

func (r *recorder) After(ctx context.Context, e Event) error {
	if ctx.Err() != nil {
		panic("a hook was given a context that had ended")
	}
	r.events = append(r.events, e)
	if f := r.at[e.Step]; f != nil {
		return f()
	}
	return nil
}
