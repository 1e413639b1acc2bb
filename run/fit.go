package run

import (
	"context"
	"errors"
	"fmt"
	"math"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/memory"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/training"
)

const (
	mostPairs    = 1 << 15 // that --batch-size auto takes: the batch of the CLIP paper
	shareOfFree  = 0.8     // of the free memory that it plans with
	trialFLOPs   = 5e11    // of the larger trial step, about
	leastInTrial = 16      // pairs of it
)

// What --batch-size auto leaves in an epoch: with fewer steps the learning rate of the recipe doesn't fit. Small data gets the usual batch.
const (
	stepsOfEpoch = 20
	usualPairs   = 64
)

// chooseBatch gives --batch-size auto its number: the largest power of two of pairs that fits into memory and leaves steps in an
// epoch.
func (s *session) chooseBatch(ctx context.Context) error {
	if s.BatchSize != autoPairs {
		return nil
	}
	all := s.train.Len() / s.AccumFreq / max(1, s.world)
	if all < 1 {
		return &datasets.DataError{Source: s.train.Info().Name,
			Reason: fmt.Sprintf("%d samples are fewer than the %d batches of a step; lower accum_freq", s.train.Len(), s.AccumFreq)}
	}
	all = min(all, s.epoch()/s.AccumFreq/max(1, s.world))
	limit := min(mostPairs, all, max(usualPairs, all/stepsOfEpoch))
	at, err := s.Placement()
	if err != nil {
		return err
	}
	fit := s.fitHost
	if at.Device != torch.CPU {
		fit = s.fitDevice
	}
	n, note, err := fit(ctx, at, limit)
	if err != nil {
		return fmt.Errorf("batch_size auto: %w", err)
	}
	if 2*n > limit && limit < min(mostPairs, all) {
		note = fmt.Sprintf("more would leave few steps in an epoch of %d pairs; %s", s.epoch(), note)
	}
	s.BatchSize, s.measured = pairCount(n), true
	if s.biasOfBatch {
		s.startBias()
	}
	s.console.Say("batch  auto: %d pairs at once, %s", n, note)
	return nil
}

// startBias lets logit_bias start from the size of the batch.
func (s *session) startBias() { *s.ModelCfg.InitLogitBias = contrastive.StartBias(s.global()) }

// fitHost finds the number by the memory that two trial steps take. Trying until there is none would have the kernel end the
// process.
func (s *session) fitHost(ctx context.Context, at model.Placement, limit int) (int, string, error) {
	free, err := s.freeMemory()
	if err != nil {
		return 0, "", fault.Setting("batch_size", "can't determine the free memory (%v); give a number", err)
	}
	need, err := s.cost(ctx, at, limit)
	if err != nil {
		return 0, "", err
	}
	n := memory.Most(limit, func(n int) bool { return float64(need(n)) <= shareOfFree*float64(free) })
	if n == 0 {
		return 0, "", fmt.Errorf("a single pair takes %s, and %s are free", size(need(1)), size(free))
	}
	of := fmt.Sprintf("the %s that are free", size(free))
	if s.neighbours > 1 {
		of += fmt.Sprintf(" for each of the %d processes of this machine", s.neighbours)
	}
	return n, fmt.Sprintf("%s of %s (%s a pair)", size(need(n)), of, size(need(2)-need(1))), nil
}

// cost measures the memory of two trial steps, of at most limit pairs, and returns that of a step of n pairs.
func (s *session) cost(ctx context.Context, at model.Placement, limit int) (func(n int) int64, error) {
	before, err := memory.Resident()
	if err != nil {
		return nil, err
	}
	large := min(limit, max(leastInTrial, int(trialFLOPs/(3*s.ModelCfg.FLOPs(s.ModelCfg.Text.ContextLength)))), 512)
	small := max(1, large/4)
	t, err := s.trial(ctx, at)
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.close() }()
	var seen []memory.Sample
	for _, n := range []int{small, large} {
		_ = memory.ResetPeak() // where that is not allowed, the larger step still sets it
		if _, err := t.step(ctx, n); err != nil {
			return nil, err
		}
		peak, err := memory.Peak()
		if err != nil {
			return nil, err
		}
		seen = append(seen, memory.Sample{Pairs: n, Bytes: peak - before})
	}
	if small == large { // one pair: no line goes through one point
		return func(n int) int64 { return seen[1].Bytes + s.notInTrial(n) }, nil
	}
	cost := memory.Through(seen[0], seen[1])
	return func(n int) int64 { return cost.Of(n) + s.notInTrial(n) }, nil
}

// notInTrial is the memory of a step of n pairs that a trial step does not measure: the EMA of the weights, the loaded batches,
// and the loss over all pairs.
func (s *session) notInTrial(n int) int64 {
	const loaded = 5 // batches: in the step, waiting, being filled
	all := n * s.AccumFreq
	bytes := int64(loaded*all) * int64(3*s.Preprocess.Size*s.Preprocess.Size)
	bytes += contrastive.LossBytes(all, s.ModelCfg.EmbedDim)
	if s.EMADecay > 0 {
		bytes += 4 * model.Declare(s.ModelCfg).ParameterCount()
	}
	return bytes
}

// fitDevice finds the number by trying: a device says when its memory is out, and the step halves itself until it fits.
func (s *session) fitDevice(ctx context.Context, at model.Placement, limit int) (int, string, error) {
	t, err := s.trial(ctx, at)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = t.close() }()
	n := 1 << int(math.Log2(float64(limit)))
	st, err := t.step(ctx, n)
	if err != nil {
		return 0, "", err
	}
	if st.MicroBatch == 0 {
		return n, "the largest batch tried", nil
	}
	return st.MicroBatch, fmt.Sprintf("%d were too many", 2*st.MicroBatch), nil
}

// trial is a sitting of its own, with a model that is thrown away.
func (s *session) trial(ctx context.Context, at model.Placement) (_ *session, err error) {
	o := *s.Options
	o.AccumFreq, o.MicroBatch = 1, 0
	t := &session{Options: &o, console: s.console, train: s.train}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.model, err = model.New(ctx, o.ModelCfg, o.Seed, at); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Model, err)
	}
	t.onClose(func() error { t.model.Free(); return nil })
	t.model.Preprocess, t.model.Recompute = o.Preprocess, o.GradCheckpointing
	if err := t.model.Lock(ctx, o.Lock); err != nil {
		return nil, err
	}
	if o.MLMWeight > 0 {
		if t.words, err = contrastive.NewMaskedWords(ctx, t.model, o.Seed); err != nil {
			return nil, err
		}
		t.onClose(func() error { t.words.Free(); return nil })
		t.words.Weight = o.MLMWeight
	}
	o.BatchSize = mostPairs // all pairs of a trial go at once
	o.Schedule.Steps, o.Schedule.Warmup, o.Schedule.Cooldown = 2, 0, 0
	return t, t.openTrainer(ctx)
}

// step makes one of n made-up pairs whose captions fill the context.
func (s *session) step(ctx context.Context, n int) (training.Stats, error) {
	side, l, last := s.Preprocess.Size, s.ModelCfg.Text.ContextLength, int32(s.ModelCfg.Text.VocabSize-1)
	b := &datasets.Batch{N: n, Pixels: make([]uint8, n*side*side*3), IDs: make([]int32, n*l), ContextLength: l, MaxTokens: l}
	for i := range n {
		row := b.IDs[i*l : (i+1)*l]
		for k := range row {
			row[k] = 1 + int32(i*31+k*7)%max(1, last-1)
		}
		row[l-1] = last
		b.Lengths, b.DropKeys = append(b.Lengths, l), append(b.DropKeys, uint64(i))
	}
	return s.trainer.Step(ctx, b)
}

// size tells bytes for people.
func size(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
