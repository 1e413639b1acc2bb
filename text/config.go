// Package text is the text tower: a transformer over byte-pair tokens as open_clip defines it.
package text

import (
	"errors"
	"fmt"
)

// Config describes a text tower in open_clip's words (text_cfg).
type Config struct {
	ContextLength int      `json:"context_length"`
	VocabSize     int      `json:"vocab_size"`
	Width         int      `json:"width"`
	Heads         int      `json:"heads"`
	Layers        int      `json:"layers"`
	MLPRatio      float64  `json:"mlp_ratio"`
	LSInitValue   *float64 `json:"ls_init_value,omitempty"` // layer scale's first value; nil: no layer scale
}

// Default is open_clip's CLIPTextCfg.
func Default() Config {
	return Config{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4}
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value int
	}{
		{"context_length", c.ContextLength}, {"vocab_size", c.VocabSize}, {"width", c.Width}, {"heads", c.Heads}, {"layers", c.Layers},
	} {
		if f.value <= 0 {
			errs = append(errs, fmt.Errorf("text_cfg.%s: %d is not positive", f.name, f.value))
		}
	}
	if c.Heads > 0 && c.Width%c.Heads != 0 {
		errs = append(errs, fmt.Errorf("text_cfg.width: %d is not a multiple of heads %d", c.Width, c.Heads))
	}
	if c.MLPRatio <= 0 {
		errs = append(errs, fmt.Errorf("text_cfg.mlp_ratio: %g is not positive", c.MLPRatio))
	}
	return errors.Join(errs...)
}
