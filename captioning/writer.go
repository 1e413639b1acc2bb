package captioning

import (
	"context"
	"errors"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/text/bpe"
	"clipgo/text/tokenizer"
)

// Writer writes captions as texts.
type Writer struct {
	Captioner
	words *bpe.Tokenizer
	how   Generation
}

// NewWriter makes a model with a decoder and CLIP's own vocabulary ready to write captions that begin with a prompt. Errors name it
// by name.
func NewWriter(name string, m *model.Model, tokens func() (tokenizer.Tokenizer, error), how Generation,
	prompt string) (*Writer, error) {
	c, err := Of(m)
	if err != nil {
		return nil, fault.Modelf(name, "%s", err.Error())
	}
	own, err := tokens()
	if err != nil {
		return nil, err
	}
	words, err := Words(name, m.Config, own)
	if err != nil {
		return nil, err
	}
	how.Start, how.End, how.Prompt = bpe.Start, bpe.End, words.Encode(prompt)
	if err := how.Validate(m.Config.Text.ContextLength); err != nil {
		if _, long := errors.AsType[*PromptError](err); long {
			return nil, fault.Setting("prompt", "%v", err)
		}
		return nil, fault.Usagef("generation: %v", err)
	}
	return &Writer{c, words, how}, nil
}

// Words returns the tokenizer as CLIP's own, which captions are written with. Another one is an error that names the model by name.
func Words(name string, c model.Config, tokens tokenizer.Tokenizer) (*bpe.Tokenizer, error) {
	words, ok := tokens.(*bpe.Tokenizer)
	if !ok || c.Text.VocabSize != bpe.VocabSize {
		return nil, fault.Modelf(name, "captions are written with CLIP's own vocabulary, and this model has another")
	}
	return words, nil
}

// Written is a caption that was written, or why there is none.
type Written struct {
	Image   string  `json:"image"`
	Caption string  `json:"caption"`
	LogProb float64 `json:"log_prob"`        // natural logarithm, of the tokens behind the prompt
	Ended   bool    `json:"ended"`           // false: it was cut at the greatest length
	Error   string  `json:"error,omitempty"` // why there is no caption
}

// Write captions a batch.
func (w *Writer) Write(ctx context.Context, b *datasets.Batch) ([]Written, error) {
	captions, err := w.Generate(ctx, b.Pixels, b.N, w.how)
	if err != nil {
		return nil, err
	}
	w.how.Offset += b.N
	out := make([]Written, b.N)
	for i, c := range captions {
		out[i] = Written{Image: b.Entries[i].Key, Caption: w.words.Decode(c.IDs), LogProb: c.LogProb, Ended: c.Ended}
	}
	return out, nil
}
