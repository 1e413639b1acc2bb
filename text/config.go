// Package text is the text tower: open_clip's transformer over byte-pair tokens.
package text

import (
	"errors"
	"fmt"

	"clipgo/internal/nn"
)

// Config describes a text tower with the fields of open_clip's text_cfg. Fields that CLIP doesn't use are omitted from the JSON if they
// are not set.
type Config struct {
	ContextLength int      `json:"context_length" flag:"force-context-length" arg:"N" help:"tokens of a caption, other than the model's: positions are interpolated"`
	VocabSize     int      `json:"vocab_size"`
	Width         int      `json:"width"`
	Heads         int      `json:"heads"`
	Layers        int      `json:"layers"`
	MLPRatio      float64  `json:"mlp_ratio"`
	LSInitValue   *float64 `json:"ls_init_value,omitempty"` // LayerScale's initial value; nil: no LayerScale

	NoCausalMask bool           `json:"no_causal_mask,omitempty"` // bidirectional attention
	PoolType     string         `json:"pool_type,omitempty"`      // argmax (or empty) or last
	ProjBias     bool           `json:"proj_bias,omitempty"`
	ProjType     string         `json:"proj_type,omitempty"`   // linear (or empty) or none
	ActKwargs    *nn.ActKwargs  `json:"act_kwargs,omitempty"`  // nil: exact GELU
	NormKwargs   *nn.NormKwargs `json:"norm_kwargs,omitempty"` // nil: 1e-5

	// A class token after the text, at which the feature is read (CoCa).
	EmbedCls       bool `json:"embed_cls,omitempty"`
	CorrectClsMask bool `json:"correct_cls_mask,omitempty"` // false: the padding mask is one column late, as in the published weights
	OutputTokens   bool `json:"output_tokens,omitempty"`    // a decoder reads the tokens

	HFTokenizerName string           `json:"hf_tokenizer_name,omitempty"` // source of the tokenizer; empty: CLIP's own
	TokenizerKwargs *TokenizerKwargs `json:"tokenizer_kwargs,omitempty"`
}

// TokenizerKwargs is open_clip's tokenizer_kwargs.
type TokenizerKwargs struct {
	Clean string `json:"clean,omitempty"` // lower, whitespace or canonicalize
}

// Causal reports whether attention is causal.
func (c Config) Causal() bool { return !c.NoCausalMask }

// Trimmable reports whether the features don't depend on the padding, so that it can be trimmed: with causal attention and a feature
// that is read at the end of text.
func (c Config) Trimmable() bool { return c.Causal() && (c.PoolType != poolLast || c.EmbedCls) }

// FeatureAt is the position at which a caption's feature is read: that of its end-of-text token, the first occurrence of the largest id as
// open_clip and OpenAI define it, or the last position.
func (c Config) FeatureAt(ids []int32) int {
	if c.PoolType == poolLast {
		return len(ids) - 1
	}
	best := 0
	for i, id := range ids {
		if id > ids[best] {
			best = i
		}
	}
	return best
}

const poolLast = "last"

// Default is open_clip's CLIPTextCfg.
func Default() Config {
	return Config{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4}
}

// sizes checks the sizes that a text tower and a decoder share; key names the config in errors.
func (c Config) sizes(key string) (errs []error) {
	for _, f := range []struct {
		name         string
		value, limit int
	}{
		{"context_length", c.ContextLength, nn.MaxWords}, {"vocab_size", c.VocabSize, nn.MaxVocab}, {"width", c.Width, nn.MaxWidth},
		{"heads", c.Heads, nn.MaxWidth}, {"layers", c.Layers, nn.MaxLayers},
	} {
		if err := nn.Within(key+"."+f.name, f.value, f.limit); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Heads > 0 && c.Width%c.Heads != 0 {
		errs = append(errs, fmt.Errorf("%s.width: %d is not a multiple of heads %d", key, c.Width, c.Heads))
	}
	return errs
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	errs := c.sizes("text_cfg")
	if err := nn.CheckRatio("text_cfg.mlp_ratio", c.MLPRatio, c.Width); err != nil {
		errs = append(errs, err)
	}
	if c.PoolType != "" && c.PoolType != "argmax" && c.PoolType != poolLast {
		errs = append(errs, fmt.Errorf("text_cfg.pool_type: %q is neither argmax nor last", c.PoolType))
	}
	if c.EmbedCls && c.NoCausalMask {
		errs = append(errs, errors.New("text_cfg.embed_cls: not with no_causal_mask"))
	}
	if c.ProjType != "" && c.ProjType != "linear" && c.ProjType != "none" {
		errs = append(errs, fmt.Errorf("text_cfg.proj_type: %q is neither linear nor none", c.ProjType))
	}
	for _, err := range []error{c.ActKwargs.Validate(), c.NormKwargs.Validate()} {
		if err != nil {
			errs = append(errs, fmt.Errorf("text_cfg.%w", err))
		}
	}
	return errors.Join(errs...)
}
