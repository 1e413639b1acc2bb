package alignment

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/training"
)

// PPOState is what a checkpoint holds of a tuning besides weights. A round in progress is among it: its captions were
// written by a policy that is no more.
type PPOState struct {
	Coefficient float64    `json:"kl_coefficient"` // of the next round
	Usual       float64    `json:"usual_length"`   // mean tokens of the untuned captioner's captions
	Standards   []Standard `json:"standards"`      // of each reward
	Round       *Round     `json:"round"`
}

// Round is a batch of pictures with a caption each.
type Round struct {
	Number   int              `json:"number"` // steps before it / steps of a round
	Episodes []Episode        `json:"episodes"`
	Numbers  []training.Named `json:"numbers"` // as metrics.jsonl has them
}

// Episode is a caption, what it earned, and what each of its T actions, the tokens behind the start, is worth.
type Episode struct {
	Index     int       `json:"index"`     // of the picture, in its source
	IDs       []int32   `json:"ids"`       // start, tokens, and the end unless the caption was cut
	Score     float64   `json:"score"`     // its reward less the penalties
	LogP      []float32 `json:"log_p"`     // [T], of the policy that wrote it
	Reference []float32 `json:"reference"` // [T], of the frozen one
	Value     []float32 `json:"value"`     // [T]
	Advantage []float32 `json:"advantage"` // [T], over the round of mean 0 and deviation 1
	Return    []float32 `json:"return"`    // [T]
}

// Rewarder gives the rewards of captions of a batch's pictures, in deviations of the untuned captioner's.
type Rewarder func(ctx context.Context, b *datasets.Batch, captions []captioning.Caption) ([]float64, error)

// Batches makes the steps' minibatches out of batches of pictures, from a step on, where position is that of the first
// picture: each batch becomes a round, which is written when its first step is asked for. A round's numbers depend on the
// weights, the seed and the round alone; one that State holds is gone on with. Until a round's last step Next stays where
// the round began.
func (o *PPO) Batches(ctx context.Context, pictures iter.Seq2[*datasets.Batch, error], step int, position int64, reward Rewarder) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		updates := o.Updates()
		for b, err := range pictures {
			if err != nil || b.N == 0 {
				if !yield(b, err) {
					return
				}
				continue
			}
			if r := o.State.Round; r == nil || r.Number != step/updates {
				if err := o.write(ctx, b, step/updates, position, reward); err != nil {
					yield(nil, err)
					return
				}
			}
			for k := step % updates; k < updates; k++ {
				next := o.minibatch(b, k)
				if next.Next = position; k == updates-1 {
					next.Next, next.Skipped, next.Replaced = b.Next, b.Skipped, b.Replaced
				}
				step++
				if !yield(next, nil) {
					return
				}
			}
			position = b.Next
		}
	}
}

// write makes a round of the batch that begins at a slot.
func (o *PPO) write(ctx context.Context, b *datasets.Batch, number int, slot int64, reward Rewarder) error {
	how := o.How
	how.Offset = int(slot) // not number * b.N: a batch may have empty slots
	captions, err := o.Policy.Generate(ctx, b.Pixels, b.N, how)
	if err != nil {
		return err
	}
	rewards, err := reward(ctx, b, captions)
	if err != nil {
		return err
	}
	round := &Round{Number: number, Episodes: make([]Episode, b.N)}
	for i, c := range captions {
		if math.IsNaN(rewards[i]) || math.IsInf(rewards[i], 0) {
			return fmt.Errorf("%w: the reward of a caption is not a number", ErrNothingToLearn)
		}
		e := &round.Episodes[i]
		e.Index = b.Index[i]
		e.IDs = o.ids(c)
		e.Score = rewards[i] - o.penalty(c.IDs, o.State.Usual)
	}
	o.State.Round = round
	for m := range o.Minibatches {
		if err := o.look(ctx, o.minibatch(b, m)); err != nil {
			return err
		}
		copy(round.Episodes[m*b.N/o.Minibatches:], o.now)
	}
	o.judge(captions, rewards)
	return nil
}

// look computes what policy, reference and value say of a minibatch, in the same pass as a step does, so that its first
// ratios are 1 to the bit.
func (o *PPO) look(ctx context.Context, b *datasets.Batch) error {
	logP, values, err := o.readBatch(ctx, o.Policy, b)
	if err != nil {
		return err
	}
	reference, _, err := o.readBatch(ctx, o.Reference, b)
	if err != nil {
		return err
	}
	for i := range o.now {
		e := &o.now[i]
		n := len(e.IDs) - 1
		e.LogP, e.Reference, e.Value = logP[:n:n], reference[:n:n], values[:n:n]
		logP, reference, values = logP[n:], reference[n:], values[n:]
	}
	return nil
}

// readBatch gives log P and value of each action of a batch's captions, one after the other.
func (o *PPO) readBatch(ctx context.Context, c captioning.Captioner, b *datasets.Batch) (logP, values []float32, err error) {
	err = torch.Do(ctx, func(s *torch.Scope) error {
		mb := c.MicroBatches(s, b, 0, o.Value.params)
		all := make([][2][]float32, len(mb.Parts))
		mb.Each(func(i int, s *torch.Scope) {
			rows, labels := c.Read(s, mb.Parts[i])
			all[i][0], all[i][1] = o.recall(c, rows, labels)
		})
		for _, part := range all {
			logP, values = append(logP, part[0]...), append(values, part[1]...)
		}
		return nil
	})
	return logP, values, err
}

// Divergence gives log P of each action of captions of a batch's pictures, by the policy and by the reference.
func (o *PPO) Divergence(ctx context.Context, b *datasets.Batch, captions []captioning.Caption) (policy, reference []float64, err error) {
	l := o.Policy.Config.Text.ContextLength
	in := &datasets.Batch{N: b.N, Pixels: b.Pixels, ContextLength: l, IDs: make([]int32, b.N*l)}
	for i, c := range captions {
		ids := o.ids(c)
		copy(in.IDs[i*l:(i+1)*l], ids)
		in.MaxTokens = max(in.MaxTokens, len(ids))
	}
	now, _, err := o.readBatch(ctx, o.Policy, in)
	if err != nil {
		return nil, nil, err
	}
	then, _, err := o.readBatch(ctx, o.Reference, in)
	return wide(now), wide(then), err
}

// ids are a caption's with its start, and its end unless it was cut.
func (o *PPO) ids(c captioning.Caption) []int32 {
	out := append([]int32{o.How.Start}, c.IDs...)
	if c.Ended {
		out = append(out, o.How.End)
	}
	return out
}

// recall gives the logarithm of each token's probability and the value before it.
func (o *PPO) recall(c captioning.Captioner, rows *torch.Tensor, labels []int64) (logP, values []float32) {
	for from := 0; from < len(labels); from += rowsAtOnce {
		to := min(from+rowsAtOnce, len(labels))
		torch.Tidy(rows, func(rows *torch.Tensor) *torch.Tensor {
			logits, value := o.predict(c, rows.Narrow(0, from, to-from))
			index := torch.From(rows.Scope(), labels[from:to], to-from, 1).OnDevice(rows.Device())
			chosen := logits.LogSoftmax(-1).Gather(1, index).Reshape(-1)
			logP, values = append(logP, chosen.Float32s()...), append(values, value.Float32s()...)
			return chosen
		})
	}
	return logP, values
}

// minibatch is the data of a round's k-th step, whose episodes become those of now. The first pass takes them as they come, so
// that what look has computed is what the steps compute; the others shuffle.
func (o *PPO) minibatch(b *datasets.Batch, k int) *datasets.Batch {
	order := make([]int, b.N)
	for i := range order {
		order[i] = i
	}
	if pass := k / o.Minibatches; pass > 0 {
		rng := rand.New(rand.NewPCG(o.How.Seed, uint64(o.State.Round.Number*o.Updates()+pass)))
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	m := k % o.Minibatches
	from := m * b.N / o.Minibatches
	to := max(from+1, (m+1)*b.N/o.Minibatches) // of fewer pictures than minibatches some are used twice
	size, l := len(b.Pixels)/b.N, o.Policy.Config.Text.ContextLength
	out := &datasets.Batch{N: to - from, ContextLength: l, IDs: make([]int32, (to-from)*l)}
	o.now = nil
	for i, at := range order[from:to] {
		e := o.State.Round.Episodes[at]
		o.now = append(o.now, e)
		copy(out.IDs[i*l:(i+1)*l], e.IDs)
		out.MaxTokens = max(out.MaxTokens, len(e.IDs))
		out.Pixels = append(out.Pixels, b.Pixels[at*size:(at+1)*size]...)
		out.Index = append(out.Index, b.Index[at])
	}
	return out
}
