package captioning

import (
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/training"
)

// trip is the way of a batch through the model and back. The caption loss is a sum over tokens that is divided by those of the whole
// batch: where other processes have a part of it, their number is not known before all have met, and the loss comes after that.
type trip struct {
	o             *Objective
	mb            *model.MicroBatches
	tokens        int // that are predicted in this process
	passes        []pass
	images, texts []*torch.Tensor // features of each part
	shares        []*torch.Tensor // of the caption loss
}

func newTrip(o *Objective, s *torch.Scope, b *datasets.Batch) *trip {
	mb := o.Model.MicroBatches(s, b, o.MicroBatch)
	_, all := nextTokens(b.IDs, b.ContextLength)
	return &trip{o: o, mb: mb, tokens: len(all), passes: make([]pass, len(mb.Parts)), shares: make([]*torch.Tensor, len(mb.Parts))}
}

// forward computes the features and, unless a part is recomputed, its share of the caption loss over so many tokens.
func (t *trip) forward(tokens int) {
	t.images, t.texts = t.mb.Features(func(i int, s *torch.Scope) (image, text *torch.Tensor) {
		if t.mb.Recomputed() {
			return t.o.features(s, t.mb.Parts[i])
		}
		t.passes[i] = t.o.forward(s, t.mb.Parts[i], tokens)
		return t.passes[i].image, t.passes[i].words
	})
}

// backward goes back from the gradients of all features and from the caption loss over so many tokens.
func (t *trip) backward(loss contrastive.LossGrads, tokens int) {
	weight := t.o.Weights.Caption
	if !t.mb.Recomputed() && tokens > 0 { // forward has divided by this process's own
		weight *= float64(max(1, t.tokens)) / float64(tokens)
	}
	t.mb.Backward(func(i int, s *torch.Scope) {
		if t.mb.Recomputed() {
			t.passes[i] = t.o.forward(s, t.mb.Parts[i], tokens)
		}
		p, from := t.passes[i], t.mb.Parts[i].From
		p.caption.Scale(weight).Add(along(p.image, loss.Image, from)).Add(along(p.words, loss.Text, from)).Backward()
		t.shares[i] = t.mb.Keep(i, p.caption.Detach())
	})
}

// share is the sum of the parts' caption losses over so many tokens of all processes.
func (t *trip) share(tokens int) (sum float64) {
	for _, share := range t.shares {
		if share != nil { // a part without pairs
			sum += share.Item()
		}
	}
	if !t.mb.Recomputed() && tokens > 0 {
		sum *= float64(max(1, t.tokens)) / float64(tokens)
	}
	return sum
}

// together makes the forward and backward pass of this process's part of a batch.
func (o *Objective) together(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	var t *trip
	own := 0
	err := torch.Try(func() {
		t = newTrip(o, s, b)
		own = t.tokens
		t.forward(max(1, own))
	})
	at, sums, err := o.Meet(err, b.N, float64(own))
	if err != nil {
		return training.PendingPass{}, err
	}
	tokens, loss := int(sums[0]), contrastive.LossGrads{}
	if o.Weights.Contrastive != 0 {
		if loss, err = o.LossTogether(s, t.images, t.texts, b, at, o.Weights.Contrastive); err != nil {
			return training.PendingPass{}, err
		}
	}
	var contrast, caption float64
	err = torch.Try(func() {
		t.backward(loss, tokens)
		if caption = t.share(tokens); loss.Loss != nil {
			contrast = loss.Loss.Item()
		}
	})
	_, ends, err := o.Meet(err, b.N, contrast, caption)
	if err != nil {
		return training.PendingPass{}, err
	}
	parts := o.parts(ends[0], ends[1], o.Model.Scale(s).Item(), contrastive.ReadPairs(loss.Pairs))
	return training.PendingPass{Read: func() training.Parts { return parts }}, nil
}

// parts are the numbers of a pass.
func (o *Objective) parts(contrast, caption, scale float64, each []float64) training.Parts {
	return training.Parts{
		Loss: o.Weights.Contrastive*contrast + o.Weights.Caption*caption, Scale: scale, Pairs: each,
		Extra: []training.Named{{Name: "contrastive_loss", Value: contrast}, {Name: "caption_loss", Value: caption}},
	}
}

// features computes the features of a part.
func (o *Objective) features(s *torch.Scope, p model.Part) (image, text *torch.Tensor) {
	c := Captioner{o.Model}
	return c.EncodeImageTokens(s, p.Pixels, p.N, p.Mode).Features, c.EncodeTextTokens(s, p.IDs, p.N, p.Mode).Features
}

// forward makes the forward pass of a part of a batch in which so many tokens are predicted.
func (o *Objective) forward(s *torch.Scope, p model.Part, tokens int) pass {
	c := Captioner{o.Model}
	picture, words := c.EncodeImageTokens(s, p.Pixels, p.N, p.Mode), c.EncodeTextTokens(s, p.IDs, p.N, p.Mode)
	caption := c.Loss(c.Hidden(words.Tokens, picture.Tokens, p.Mode), p.IDs, losses.CrossEntropy{Smoothing: o.Smoothing, Over: tokens})
	return pass{image: picture.Features, words: words.Features, caption: caption}
}
