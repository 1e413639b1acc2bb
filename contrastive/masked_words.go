package contrastive

import (
	"context"
	"fmt"
	"io"
	"math"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/text"
	"clipgo/training"
)

// MaskedWords is a masked language model that a training carries beside its contrastive loss, as text self-supervision in DeCLIP
// (Li et al., 2022): the text tower reads captions with holes, both ways, and a head tells the words. The tower is the model's
// own; the head is BERT's (Devlin et al., 2019) and no part of the model: a layer with a norm, and the token embedding
// itself, with a bias, for the scores. The feature of a caption is made as without it.
type MaskedWords struct {
	Weight     float64 // what the loss counts beside the contrastive one
	Vocabulary losses.Vocabulary

	params *nn.Params
	hole   *nn.Param // [D], what stands for a hidden token
	dense  *nn.Linear
	norm   *nn.LayerNorm
	bias   *nn.Param // [V]
}

// NewMaskedWords makes a head for a model, fresh, from a seed. Its owner calls Free.
func NewMaskedWords(ctx context.Context, of *model.Model, seed uint64) (*MaskedWords, error) {
	w, c := &MaskedWords{params: nn.NewParams()}, of.Config.Text
	const std = 0.02 // BERT's
	root := w.params.Root().At("mlm")
	w.hole = root.Declare("mask_embedding", nn.Normal(std), c.Width)
	w.dense = nn.NewLinear(root.At("dense"), c.Width, c.Width, nn.Normal(std), nn.Constant(0))
	w.norm = nn.NewLayerNorm(root.At("ln"), c.Width, nn.DefaultEps)
	w.bias = root.Declare("bias", nn.Constant(0), c.VocabSize)
	w.Vocabulary.Size = c.VocabSize
	err := torch.Do(ctx, func(*torch.Scope) error {
		w.params.Fill(seed, of.Device())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make the head of the masked words: %w", err)
	}
	return w, nil
}

// Free gives the head's memory back.
func (w *MaskedWords) Free() { w.params.Free() }

// Write writes the head as safetensors.
func (w *MaskedWords) Write(to io.Writer) error { return nn.Write(to, w.params.All(), nil) }

// Read restores what Write wrote. A file that does not fit is a *model.WeightsError.
func (w *MaskedWords) Read(ctx context.Context, path string) error {
	file, err := safetensors.Open(path)
	if err != nil {
		return &model.WeightsError{Path: path, Reason: err.Error()}
	}
	defer file.Close()
	if err := model.Matches(w.params.All(), file); err != nil {
		return &model.WeightsError{Path: path, Reason: err.Error()}
	}
	return torch.Do(ctx, func(*torch.Scope) error {
		for _, p := range w.params.All() {
			t, _ := file.Tensor(p.Name)
			p.Tensor().OverwriteInPlace(t.Data)
		}
		return nil
	})
}

// Holes are captions with words masked.
type Holes struct {
	losses.Masked
	Lengths []int // of each caption: its ids before the padding
}

// holed is a part of a batch with its holes, and what came of it.
type holed struct {
	Holes
	over int // chosen places in the whole batch
	mode nn.Mode
	loss *torch.Tensor // the part's share of the batch's
	best *torch.Tensor // [N], what the head takes each chosen place to be; nil where there is none
}

// holes hides words of each part of a batch.
func (w *MaskedWords) holes(b *datasets.Batch, parts []model.Part) ([]*holed, error) {
	if len(b.Lengths) != b.N || len(b.DropKeys) != b.N {
		return nil, fmt.Errorf("mask words: %d captions come with %d lengths and %d keys", b.N, len(b.Lengths), len(b.DropKeys))
	}
	ids := model.CutCaptions(b.IDs, b.ContextLength, b.MaxTokens)
	l, all := len(ids)/b.N, 0
	out := make([]*holed, len(parts))
	for i, p := range parts {
		to := p.From + p.N
		c := losses.Captions{IDs: ids[p.From*l : to*l], L: l, Lengths: b.Lengths[p.From:to], Keys: b.DropKeys[p.From:to]}
		h := &holed{Holes: Holes{losses.Mask(c, w.Vocabulary), c.Lengths}, mode: nn.Mode{DType: p.Mode.DType, Recompute: p.Mode.Recompute}}
		all += len(h.Chosen)
		out[i] = h
	}
	for _, h := range out {
		h.over = all
	}
	return out, nil
}

// scores are those of each token for each chosen place, [N, V].
func (w *MaskedWords) scores(s *torch.Scope, tower *text.Transformer, h Holes, mode nn.Mode) *torch.Tensor {
	x := tower.ForwardMasked(s, text.Masked{IDs: h.IDs, Lengths: h.Lengths, Hidden: h.Hidden, Read: h.Chosen, Hole: w.hole.In(s)}, mode)
	x = w.norm.Forward(w.dense.Forward(x).GELU())
	return tower.Tied(x).To(torch.Float32).Add(w.bias.In(s))
}

// learn makes the forward and backward pass of a part. One without chosen places makes it too: the table's gradient must be of
// the same kind in every lane.
func (w *MaskedWords) learn(s *torch.Scope, tower *text.Transformer, h *holed) {
	scores := w.scores(s, tower, h.Holes, h.mode)
	loss := losses.MaskedLM{CrossEntropy: losses.CrossEntropy{Over: h.over}}.Forward(scores, h.Targets)
	loss.Scale(w.Weight).Backward()
	h.loss = loss.Detach()
	if len(h.Targets) > 0 {
		h.best = scores.Detach().Argmax(1)
	}
}

// outlive keeps what is read of part i until the step ends.
func (h *holed) outlive(mb *model.MicroBatches, i int) {
	h.loss = mb.Keep(i, h.loss)
	if h.best != nil {
		h.best = mb.Keep(i, h.best)
	}
}

// right counts the places that the head restores. It waits for the pass.
func (h *holed) right() int {
	if h.best == nil {
		return 0
	}
	return losses.Matches(h.best.Float64s(), h.Targets)
}

// value is the loss as a number, 0 of a part without pairs. It waits for the pass.
func (h *holed) value() float64 {
	if h.loss == nil {
		return 0
	}
	return h.loss.Item()
}

// wordLosses are the parts' losses.
func wordLosses(holes []*holed) []*torch.Tensor {
	var out []*torch.Tensor
	for _, h := range holes {
		if h.loss != nil { // nil of a part without pairs
			out = append(out, h.loss)
		}
	}
	return out
}

// restoreBatch is how many captions Restore computes at once.
const restoreBatch = 64

// Restore tells for each chosen place the token that a model takes to have stood there.
func (w *MaskedWords) Restore(ctx context.Context, m *model.Model, h Holes) ([]int32, error) {
	l := len(h.IDs) / max(len(h.Lengths), 1)
	out := make([]int32, 0, len(h.Chosen))
	for from := 0; from < len(h.Lengths); from += restoreBatch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := h.captions(from, min(from+restoreBatch, len(h.Lengths)), l)
		err := torch.Do(ctx, func(s *torch.Scope) error {
			for _, id := range w.scores(s, m.Text(), some, m.Mode()).Argmax(1).Float64s() {
				out = append(out, int32(id))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// captions are some of them, of l ids each, with what is chosen in them.
func (h Holes) captions(from, to, l int) Holes {
	within := func(places []int) (out []int) {
		for _, p := range places {
			if p >= from*l && p < to*l {
				out = append(out, p-from*l)
			}
		}
		return out
	}
	return Holes{losses.Masked{IDs: h.IDs[from*l : to*l], Hidden: within(h.Hidden), Chosen: within(h.Chosen)}, h.Lengths[from:to]}
}

// holes are those of Words; none without.
func (o *Objective) holes(b *datasets.Batch, parts []model.Part) ([]*holed, error) {
	if o.Words == nil {
		return nil, nil
	}
	return o.Words.holes(b, parts)
}

// beside are the parameters besides the model's.
func (o *Objective) beside() []*nn.Params {
	if o.Words == nil {
		return nil
	}
	return []*nn.Params{o.Words.params}
}

// sum adds the masked words' numbers to those of the contrastive loss. Where no word was chosen there are none: NaN.
func (o *Objective) sum(p training.Parts, holes []*holed) training.Parts {
	if o.Words == nil {
		return p
	}
	var loss, right, n float64
	for _, h := range holes {
		loss, right, n = loss+h.value(), right+float64(h.right()), float64(h.over)
	}
	contrast := p.Loss
	p.Loss += o.Words.Weight * loss
	if n == 0 {
		loss = math.NaN()
	}
	p.Extra = []training.Named{{Name: "contrastive_loss", Value: contrast}, {Name: "mlm_loss", Value: loss}, {Name: "mlm_accuracy", Value: right / n}}
	return p
}
