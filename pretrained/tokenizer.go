package pretrained

import (
	"clipgo/internal/fault"
	"clipgo/text"
	"clipgo/text/bpe"
	"clipgo/text/tokenizer"
	"clipgo/weights"
)

// Tokenizer opens the model's tokenizer: CLIP's own, or the one in the model's folder.
func (src *Source) Tokenizer() (tokenizer.Tokenizer, error) {
	named := src.Config.Text.HFTokenizerName
	switch {
	case named == "" && src.Dir == "" && src.Config.Text.VocabSize < bpe.VocabSize:
		return nil, fault.Modelf(src.Name, "its %d tokens are fewer than CLIP's %d, and it has no tokenizer of its own",
			src.Config.Text.VocabSize, bpe.VocabSize)
	case named == "" && src.Dir == "":
		return bpe.New(), nil
	case src.Dir == "":
		return nil, fault.Modelf(src.Name, "its tokenizer, %s, is not part of clipgo; give the model's folder, which holds it", named)
	case named != "" && len(weights.TokenizerIn(src.Dir)) == 0:
		return nil, fault.Modelf(src.Dir, "has no tokenizer (tokenizer.json or spiece.model), which this model needs for captions")
	}
	t, err := tokenizer.Open(src.Dir, src.tokenizerSpec())
	if err != nil {
		return nil, fault.Modelf(src.Name, "%s", err.Error())
	}
	return t, nil
}

// cleaning is what happens to a caption before the tokenizer: nothing in transformers, and in open_clip what the config
// says, or else white space is collapsed. CLIP's own tokenizer cleans for itself.
func cleaning(c text.Config) tokenizer.Clean {
	switch {
	case c.TokenizerKwargs != nil && c.TokenizerKwargs.Clean != "":
		return tokenizer.Clean(c.TokenizerKwargs.Clean)
	case c.HFTokenizerName == "", c.HFTokenizerName == weights.FolderTokenizer:
		return tokenizer.CleanNone
	default:
		return tokenizer.CleanWhitespace
	}
}

func (src *Source) tokenizerSpec() tokenizer.Spec {
	return tokenizer.Spec{VocabSize: src.Config.Text.VocabSize, Clean: cleaning(src.Config.Text)}
}

// TokenizerFingerprint tells tokenizers apart; a model that has lost its own can still embed pictures.
func (src *Source) TokenizerFingerprint() string {
	const none = "no tokenizer"
	if src.Dir != "" && len(weights.TokenizerIn(src.Dir)) > 0 {
		digest, err := tokenizer.Fingerprint(src.Dir, src.tokenizerSpec())
		if err != nil {
			return none
		}
		return digest
	}
	t, err := src.Tokenizer()
	if err != nil {
		return none
	}
	return t.Fingerprint()
}

// TokenizerName tells whose tokenizer captions go through.
func (src *Source) TokenizerName() string {
	if named := src.Config.Text.HFTokenizerName; named != "" && named != weights.FolderTokenizer {
		return named
	}
	if src.Dir != "" && len(weights.TokenizerIn(src.Dir)) > 0 {
		return "of the model's folder"
	}
	if src.Config.Text.HFTokenizerName != "" {
		return "missing from the model's folder"
	}
	return "CLIP's byte pairs"
}
