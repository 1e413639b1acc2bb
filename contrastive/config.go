// Package contrastive joins an image and a text tower into CLIP: config, model, losses, the training objective.
package contrastive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"clipgo/internal/nn"
	"clipgo/text"
	"clipgo/vision"
)

// Config describes a model in open_clip's format (model_configs/NAME.json).
type Config struct {
	EmbedDim       int           `json:"embed_dim"`
	Vision         vision.Config `json:"vision_cfg"`
	Text           text.Config   `json:"text_cfg"`
	QuickGELU      bool          `json:"quick_gelu,omitempty"`
	InitLogitScale *float64      `json:"init_logit_scale,omitempty"` // nil: ln(1/0.07)
}

// UnsupportedError is a part of open_clip's format that clipgo does not have.
type UnsupportedError struct{ Key string }

func (e *UnsupportedError) Error() string { return fmt.Sprintf("%s: not supported", e.Key) }

// ParseConfig reads open_clip's JSON. What open_clip knows and clipgo lacks is an *UnsupportedError; a key that
// neither knows is an error that names the nearest known one.
func ParseConfig(data []byte) (Config, error) {
	c := Config{Vision: vision.Default(), Text: text.Default()}
	if err := checkKeys(data); err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("model config: %w", err)
	}
	return c, c.Validate()
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	errs := []error{c.Vision.Validate(), c.Text.Validate()}
	if c.EmbedDim <= 0 {
		errs = append(errs, fmt.Errorf("embed_dim: %d is not positive", c.EmbedDim))
	}
	return errors.Join(errs...)
}

func (c Config) activation() nn.Activation {
	if c.QuickGELU {
		return nn.QuickGELU
	}
	return nn.GELU
}

func (c Config) initLogitScale() float64 {
	if c.InitLogitScale != nil {
		return *c.InitLogitScale
	}
	return math.Log(1 / 0.07)
}

// FLOPs counts the multiplications and additions, as two operations, of one forward pass of a picture and a caption
// of the given number of tokens.
func (c Config) FLOPs(tokens int) float64 {
	return c.ImageFLOPs() + stackFLOPs(c.Text.Layers, c.Text.Width, tokens, c.Text.MLPRatio) + 2*float64(c.EmbedDim*c.Text.Width)
}

// ImageFLOPs is the picture's part of FLOPs.
func (c Config) ImageFLOPs() float64 {
	v := c.Vision
	patches, pixels := (v.ImageSize/v.PatchSize)*(v.ImageSize/v.PatchSize), 3*v.PatchSize*v.PatchSize
	return stackFLOPs(v.Layers, v.Width, patches+1, v.MLPRatio) + 2*float64(patches*pixels*v.Width) + 2*float64(c.EmbedDim*v.Width)
}

func stackFLOPs(layers, width, tokens int, ratio float64) float64 {
	w, t := float64(width), float64(tokens)
	return float64(layers) * t * ((8+4*ratio)*w*w + 4*t*w)
}
