package pretrained

import (
	"clipgo/text/bpe"
	"clipgo/vision/preprocess"
	"clipgo/weights"
	"encoding/json"
)

// Bundle is the model as weights writes it. It needs no libtorch.
func (src *Source) Bundle(w *weights.Checkpoint) (b weights.Bundle, err error) {
	b.Set, b.Also = w, Prompts{src.Templates}.Files()
	if b.Model, err = json.Marshal(src.Config); err != nil {
		return b, err
	}
	if b.Preprocess, err = json.Marshal(Portable(src.Preprocess)); err != nil {
		return b, err
	}
	if src.Dir != "" {
		b.Tokenizer = weights.TokenizerIn(src.Dir)
	}
	if len(b.Tokenizer) == 0 && src.ownTokenizer() {
		tokens, merges := bpe.Spelled()
		b.Tokenizer = weights.CLIPTokenizer(tokens, merges, src.Config.Text.ContextLength)
	}
	return b, nil
}

// ownTokenizer tells whether the model reads CLIP's byte pairs, which clipgo holds itself.
func (src *Source) ownTokenizer() bool {
	return src.Config.Text.HFTokenizerName == "" && src.Config.Text.VocabSize == bpe.VocabSize
}

// Portable leaves out what open_clip has no word for and clipgo does anyhow.
func Portable(p preprocess.Config) preprocess.Config {
	if d := preprocess.Default(); p.RGB == d.RGB && p.Orientation == d.Orientation {
		p.RGB, p.Orientation = "", ""
	}
	return p
}
