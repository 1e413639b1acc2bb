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

// MaskedWords is a masked language model that is trained beside the contrastive loss, as text self-supervision in DeCLIP (Li et
// al., 2022): the text tower reads captions with masked tokens, with attention in both directions, and a head predicts the masked
// tokens. The tower is the model's own. The head is BERT's (Devlin et al., 2019) and no part of the model: a dense layer with a
// norm, and the token embedding itself, with a bias, for the logits. The features of a caption are computed as without it.
type MaskedWords struct {
	Weight     float64 // of the loss; the contrastive one has weight 1
	Vocabulary losses.Vocabulary

	params        *nn.Params
	maskEmbedding *nn.Param // [D], the input embedding of a masked token
	dense         *nn.Linear
	norm          *nn.LayerNorm
	bias          *nn.Param // [V]
}

// NewMaskedWords makes a head for a model, fresh, from a seed. Its owner calls Free.
func NewMaskedWords(ctx context.Context, of *model.Model, seed uint64) (*MaskedWords, error) {
	w, c := &MaskedWords{params: nn.NewParams()}, of.Config.Text
	const std = 0.02 // BERT's
	root := w.params.Root().At("mlm")
	w.maskEmbedding = root.Declare("mask_embedding", nn.Normal(std), c.Width)
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

// Read restores what Write wrote. A file that does not fit, or that holds anything else, is a *model.WeightsError.
func (w *MaskedWords) Read(ctx context.Context, path string) error {
	file, err := safetensors.Open(path)
	if err != nil {
		return &model.WeightsError{Path: path, Reason: err.Error()}
	}
	err = model.Matches(w.params.All(), file)
	file.Close()
	if err != nil {
		return &model.WeightsError{Path: path, Reason: err.Error()}
	}
	_, err = nn.Restore(ctx, w.params.All(), path)
	return err
}

// MaskedBatch is captions with masked tokens.
type MaskedBatch struct {
	losses.Masked
	Lengths []int // of each caption: its ids before the padding
}

// maskedPart is the masked captions of a part of a batch, and the results of its pass.
type maskedPart struct {
	MaskedBatch
	over int // number of masked positions in the whole batch
	mode nn.Mode
	loss *torch.Tensor // the part's share of the batch's loss
	best *torch.Tensor // [N], the predicted token of each masked position; nil if there is none
}

// mask masks tokens in the captions of each part of a batch.
func (w *MaskedWords) mask(b *datasets.Batch, parts []model.Part) ([]*maskedPart, error) {
	if len(b.Lengths) != b.N || len(b.DropKeys) != b.N {
		return nil, fmt.Errorf("mask words: %d captions come with %d lengths and %d keys", b.N, len(b.Lengths), len(b.DropKeys))
	}
	ids := model.CutCaptions(b.IDs, b.ContextLength, b.MaxTokens)
	l, all := len(ids)/max(1, b.N), 0
	out := make([]*maskedPart, len(parts))
	for i, p := range parts {
		to := p.From + p.N
		c := losses.Captions{IDs: ids[p.From*l : to*l], L: l, Lengths: b.Lengths[p.From:to], Keys: b.DropKeys[p.From:to]}
		h := &maskedPart{MaskedBatch: MaskedBatch{losses.Mask(c, w.Vocabulary), c.Lengths},
			mode: nn.Mode{DType: p.Mode.DType, Recompute: p.Mode.Recompute}}
		all += len(h.Chosen)
		out[i] = h
	}
	for _, h := range out {
		h.over = all
	}
	return out, nil
}

// scores returns the logits of each masked position over the vocabulary, float32 [N, V].
func (w *MaskedWords) scores(s *torch.Scope, tower *text.Transformer, h MaskedBatch, mode nn.Mode) *torch.Tensor {
	x := tower.ForwardMasked(s, text.Masked{IDs: h.IDs, Lengths: h.Lengths, Hidden: h.Hidden, Read: h.Chosen,
		MaskEmbedding: w.maskEmbedding.In(s)}, mode)
	x = w.norm.Forward(w.dense.Forward(x).GELU())
	return tower.Tied(x).To(torch.Float32).Add(w.bias.In(s))
}

// backward makes the forward and backward pass of a part. A part without masked positions makes it too: the gradient of the token
// embedding must be dense in all lanes or in none.
func (w *MaskedWords) backward(s *torch.Scope, tower *text.Transformer, h *maskedPart) {
	scores := w.scores(s, tower, h.MaskedBatch, h.mode)
	loss := losses.MaskedLM{CrossEntropy: losses.CrossEntropy{Over: h.over}}.Forward(scores, h.Targets)
	loss.Scale(w.Weight).Backward()
	h.loss = loss.Detach()
	if len(h.Targets) > 0 {
		h.best = scores.Detach().Argmax(1)
	}
}

// keep makes the results of part i live until the step ends.
func (h *maskedPart) keep(mb *model.MicroBatches, i int) {
	h.loss = mb.Keep(i, h.loss)
	if h.best != nil {
		h.best = mb.Keep(i, h.best)
	}
}

// right counts the correct predictions. It waits for the pass.
func (h *maskedPart) right() int {
	if h.best == nil {
		return 0
	}
	return losses.Matches(h.best.Float64s(), h.Targets)
}

// value is the loss as a number, 0 of a part without pairs. It waits for the pass.
func (h *maskedPart) value() float64 {
	if h.loss == nil {
		return 0
	}
	return h.loss.Item()
}

// wordLosses lists the losses of the parts that have pairs.
func wordLosses(masked []*maskedPart) []*torch.Tensor {
	var out []*torch.Tensor
	for _, h := range masked {
		if h.loss != nil { // nil of a part without pairs
			out = append(out, h.loss)
		}
	}
	return out
}

// restoreBatch is how many captions Restore computes at once.
const restoreBatch = 64

// Restore returns the predicted token of each masked position.
func (w *MaskedWords) Restore(ctx context.Context, m *model.Model, h MaskedBatch) ([]int32, error) {
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

// captions is rows from to to of the captions, of l ids each, with their masked positions.
func (h MaskedBatch) captions(from, to, l int) MaskedBatch {
	within := func(places []int) (out []int) {
		for _, p := range places {
			if p >= from*l && p < to*l {
				out = append(out, p-from*l)
			}
		}
		return out
	}
	return MaskedBatch{losses.Masked{IDs: h.IDs[from*l : to*l], Hidden: within(h.Hidden), Chosen: within(h.Chosen)}, h.Lengths[from:to]}
}

// mask masks tokens for Words; without Words it returns nil.
func (o *Objective) mask(b *datasets.Batch, parts []model.Part) ([]*maskedPart, error) {
	if o.Words == nil {
		return nil, nil
	}
	return o.Words.mask(b, parts)
}

// beside lists the trained parameters that are not the model's.
func (o *Objective) beside() []*nn.Params {
	if o.Words == nil {
		return nil
	}
	return []*nn.Params{o.Words.params}
}

// sum adds the masked language model's numbers to those of the contrastive loss. A batch without masked positions has the value NaN
// for its loss and accuracy.
func (o *Objective) sum(p training.Parts, masked []*maskedPart) training.Parts {
	if o.Words == nil {
		return p
	}
	var loss, right, n float64
	for _, h := range masked {
		loss, right, n = loss+h.value(), right+float64(h.right()), float64(h.over)
	}
	return o.withWords(p, loss, right, n)
}

// withWords adds the loss of n masked words, of which some were right.
func (o *Objective) withWords(p training.Parts, loss, right, n float64) training.Parts {
	if o.Words == nil {
		return p
	}
	contrast := p.Loss
	p.Loss += o.Words.Weight * loss
	if n == 0 {
		loss = math.NaN()
	}
	p.Extra = []training.Named{{Name: "contrastive_loss", Value: contrast}, {Name: "mlm_loss", Value: loss},
		{Name: "mlm_accuracy", Value: right / n}}
	return p
}

// Curves describes the numbers that masked words add.
func (o *Objective) Curves() []training.Curve {
	if o.Words == nil {
		return nil
	}
	return []training.Curve{training.PartOfLoss("contrastive_loss"), training.PartOfLoss("mlm_loss"), training.Accuracy("mlm_accuracy")}
}
