package run

import (
	"context"
	"fmt"

	"clipgo/contrastive"
	"clipgo/internal/fault"
	"clipgo/internal/torch"
	"clipgo/model"
)

// checkMemory refuses a batch that doesn't fit into the memory of a CPU, where the kernel would end the process in the first step without
// a word. The memory is measured by two small trial steps, unless a rough upper bound is far below what is free. The steps take seconds
// and gigabytes with a large model, so all that can be refused without them has been.
func (s *session) checkMemory(ctx context.Context, at model.Placement) error {
	free, err := s.freeMemory()
	if err != nil || at.Device != torch.CPU || s.measured || s.Align.on() || s.upperBound() < free/2 {
		return nil // where nobody knows the memory, the step decides
	}
	need, err := s.cost(ctx, at, s.atOnce())
	if err != nil {
		return err
	}
	return s.fits(need, free)
}

// fits refuses a batch that needs more memory than is free, and names one that fits.
func (s *session) fits(need func(n int) int64, free int64) error {
	n := s.atOnce()
	if need(n) <= free {
		return nil
	}
	remedy := "batch_size auto"
	for batch, times := n, 1; batch > 1; {
		batch, times = batch/2, times*2
		if batch*times == n && float64(need(batch)) <= shareOfFree*float64(free) {
			remedy += fmt.Sprintf(", or batch_size %d with accum_freq %d", batch, s.effective()/batch)
			break
		}
	}
	return fault.Setting("batch_size", "%d pairs take about %s, and %s are free: %s", n, size(need(n)), size(free), remedy)
}

// upperBound is more memory than a step takes, by the sizes of the layers.
func (s *session) upperBound() int64 {
	const (
		fixed        = 64 << 20 // of libtorch
		perParameter = 12       // bytes: the weight, its gradient, a copy
		perMoments   = 8        // bytes of two moments of a parameter
		perNumber    = 96       // bytes of a token in a layer, for each of its width
		perScore     = 16       // bytes of a token and head, for each other token
		perValue     = 12       // bytes of a value of a pixel
		perLogit     = 32       // bytes of a masked word in the vocabulary
		maskedEvery  = 5        // tokens at least: 15 % are masked, and one of a short caption
	)
	layer := func(layers, tokens, width, heads int) int64 {
		return int64(layers) * int64(tokens) * int64(width*perNumber+heads*tokens*perScore)
	}
	v, t := s.ModelCfg.Vision, s.ModelCfg.Text
	patches := (v.ImageSize/max(1, v.PatchSize))*(v.ImageSize/max(1, v.PatchSize)) + 1
	pair := layer(v.Layers+2, patches, v.Width, v.Width/max(1, v.HeadWidth)+1) + int64(perValue*3*v.ImageSize*v.ImageSize)
	pair += layer(t.Layers+2, t.ContextLength, t.Width, max(1, t.Heads))
	if s.ModelCfg.Multimodal != nil || s.MLMWeight > 0 {
		pair += 6 * layer(t.Layers+2, max(t.ContextLength, patches), max(t.Width, s.ModelCfg.EmbedDim), max(1, t.Heads))
	}
	if s.MLMWeight > 0 { // the logits of captions are never there as a whole, those of masked words are
		pair += int64(perLogit*t.VocabSize) * int64(1+t.ContextLength/maskedEvery)
	}
	parameters := model.Declare(s.ModelCfg).ParameterCount()
	return fixed + perParameter*parameters + perMoments*parameters/int64(max(1, s.shard().World)) + int64(s.atOnce())*pair +
		contrastive.LossBytes(s.effective(), s.ModelCfg.EmbedDim) + s.notInTrial(int(s.BatchSize))
}
