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
	"clipgo/vision/preprocess"
)

// Config describes a model in open_clip's format (model_configs/NAME.json).
type Config struct {
	EmbedDim       int           `json:"embed_dim"`
	Vision         vision.Config `json:"vision_cfg"`
	Text           text.Config   `json:"text_cfg"`
	QuickGELU      bool          `json:"quick_gelu,omitempty"`
	CustomText     bool          `json:"custom_text,omitempty"`      // the text tower's names begin with text.
	InitLogitScale *float64      `json:"init_logit_scale,omitempty"` // nil: ln(1/0.07)
	InitLogitBias  *float64      `json:"init_logit_bias,omitempty"`  // nil: the model has no bias
}

// UnsupportedError is a part of open_clip's format that clipgo does not have.
type UnsupportedError struct{ Key string }

func (e *UnsupportedError) Error() string { return fmt.Sprintf("%s: not supported", e.Key) }

// ParseConfig reads open_clip's JSON. What open_clip knows and clipgo lacks is an *UnsupportedError; a key that
// neither knows is an error that names the nearest known one.
func ParseConfig(data []byte) (Config, error) {
	c := Config{Vision: vision.Default(), Text: text.Default()}
	timm, err := checkKeys(data)
	if err != nil {
		return c, err
	}
	known := true
	if timm != "" {
		c.Vision, known = vision.Timm(timm)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("model config: %w", err)
	}
	if timm != "" {
		if err := c.refuseTimm(known); err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

// refuseTimm names what of a tower of timm's clipgo lacks. A tower without a known name needs its sizes in the config.
func (c Config) refuseTimm(known bool) error {
	v := c.Vision
	if !known && (v.ImageSize == 0 || v.PatchSize == 0 || v.Width == 0 || v.Layers == 0 || v.HeadWidth == 0) {
		return &UnsupportedError{Key: fmt.Sprintf("vision_cfg.timm_model_name = %q", v.TimmModelName)}
	}
	for _, k := range []struct{ key, value, want string }{{"timm_pool", v.TimmPool, "map"}, {"timm_proj", v.TimmProj, "none"}} {
		if k.value != k.want {
			return &UnsupportedError{Key: fmt.Sprintf("vision_cfg.%s = %q", k.key, k.value)}
		}
	}
	return nil
}

// Validate returns every problem, joined.
func (c Config) Validate() error {
	errs := []error{c.Vision.Validate(), c.Text.Validate()}
	if c.EmbedDim <= 0 {
		errs = append(errs, fmt.Errorf("embed_dim: %d is not positive", c.EmbedDim))
	}
	if timm := c.Vision.TimmModelName; timm != "" && c.Vision.Width != c.EmbedDim {
		errs = append(errs, fmt.Errorf("embed_dim: %d, but the features of %s are %d wide", c.EmbedDim, timm, c.Vision.Width))
	}
	if c.Text.ProjType == "none" && c.Text.Width != c.EmbedDim {
		errs = append(errs, fmt.Errorf("embed_dim: %d, but text_cfg.width is %d and nothing projects it", c.EmbedDim, c.Text.Width))
	}
	if c.QuickGELU && (c.Text.ActKwargs != nil || c.Vision.ActKwargs != nil && c.Vision.TimmModelName == "") {
		errs = append(errs, errors.New("quick_gelu: it takes no act_kwargs"))
	}
	return errors.Join(errs...)
}

// activation is that of a tower with the given act_kwargs.
func (c Config) activation(k *nn.ActKwargs) nn.Activation {
	if c.QuickGELU {
		return nn.QuickGELU
	}
	return k.Activation()
}

// Preprocess is how pictures of a fresh model are made: SigLIP's for a tower of timm's, else CLIP's.
func (c Config) Preprocess() preprocess.Config {
	p := preprocess.Default()
	p.Size = c.Vision.ImageSize
	if c.Vision.TimmModelName != "" {
		p.Mean, p.Std, p.ResizeMode = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}, "squash"
	}
	return p
}

func (c Config) initLogitScale() float64 {
	if c.InitLogitScale != nil {
		return *c.InitLogitScale
	}
	return math.Log(1 / 0.07)
}
