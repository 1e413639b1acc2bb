// Package text is the text tower: a transformer over byte-pair tokens as open_clip defines it.
package text

import (
	"errors"
	"fmt"

	"clipgo/internal/nn"
)

// Config describes a text tower in open_clip's words (text_cfg). What CLIP itself has no use for is left out of the
// JSON where it is not set.
type Config struct {
	ContextLength int      `json:"context_length" flag:"force-context-length" arg:"N" help:"tokens of a caption, other than the model's: positions are interpolated"`
	VocabSize     int      `json:"vocab_size"`
	Width         int      `json:"width"`
	Heads         int      `json:"heads"`
	Layers        int      `json:"layers"`
	MLPRatio      float64  `json:"mlp_ratio"`
	LSInitValue   *float64 `json:"ls_init_value,omitempty"` // layer scale's first value; nil: no layer scale

	NoCausalMask bool           `json:"no_causal_mask,omitempty"` // every token sees every other
	PoolType     string         `json:"pool_type,omitempty"`      // argmax, which is also the empty word, or last
	ProjBias     bool           `json:"proj_bias,omitempty"`
	ProjType     string         `json:"proj_type,omitempty"`   // linear, which is also the empty word, or none
	ActKwargs    *nn.ActKwargs  `json:"act_kwargs,omitempty"`  // nil: exact GELU
	NormKwargs   *nn.NormKwargs `json:"norm_kwargs,omitempty"` // nil: 1e-5

	// A class token behind the text, from which the feature is read (CoCa).
	EmbedCls       bool `json:"embed_cls,omitempty"`
	CorrectClsMask bool `json:"correct_cls_mask,omitempty"` // false: padding is hidden one column late, as in the published weights
	OutputTokens   bool `json:"output_tokens,omitempty"`    // a decoder reads the tokens

	HFTokenizerName string           `json:"hf_tokenizer_name,omitempty"` // where the tokenizer is from; empty: CLIP's own
	TokenizerKwargs *TokenizerKwargs `json:"tokenizer_kwargs,omitempty"`
}

// TokenizerKwargs is open_clip's tokenizer_kwargs.
type TokenizerKwargs struct {
	Clean string `json:"clean,omitempty"` // lower, whitespace or canonicalize
}

// Causal tells whether a token sees only those before it.
func (c Config) Causal() bool { return !c.NoCausalMask }

// Trimmable tells whether the padding behind the end of text leaves the features alone, so that it can be cut off:
// under causal attention, read at the end of text.
func (c Config) Trimmable() bool { return c.Causal() && (c.PoolType != poolLast || c.EmbedCls) }

const poolLast = "last"

// Default is open_clip's CLIPTextCfg.
func Default() Config {
	return Config{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4}
}

// sizes are the problems of the sizes that a text tower and a decoder have, of the config with this key.
func (c Config) sizes(key string) (errs []error) {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"context_length", c.ContextLength}, {"vocab_size", c.VocabSize}, {"width", c.Width}, {"heads", c.Heads}, {"layers", c.Layers},
	} {
		if f.value <= 0 {
			errs = append(errs, fmt.Errorf("%s.%s: %d is not positive", key, f.name, f.value))
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
	if c.MLPRatio <= 0 {
		errs = append(errs, fmt.Errorf("text_cfg.mlp_ratio: %g is not positive", c.MLPRatio))
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
