package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"clipgo/internal/fault"
	"clipgo/internal/nn"
	"clipgo/text"
	"clipgo/vision"
	"clipgo/vision/preprocess"
)

// Config describes a model in open_clip's format (model_configs/NAME.json).
type Config struct {
	EmbedDim       int                 `json:"embed_dim"`
	Vision         vision.Config       `json:"vision_cfg"`
	Text           text.Config         `json:"text_cfg"`
	Multimodal     *text.DecoderConfig `json:"multimodal_cfg,omitempty"` // CoCa's decoder; nil: none
	QuickGELU      bool                `json:"quick_gelu,omitempty"`
	CustomText     bool                `json:"custom_text,omitempty"`      // the text tower's names begin with text.
	InitLogitScale *float64            `json:"init_logit_scale,omitempty"` // nil: ln(1/0.07)
	InitLogitBias  *float64            `json:"init_logit_bias,omitempty"`  // nil: the model has no bias
}

// UnsupportedError is a part of open_clip's format that clipgo does not have.
type UnsupportedError struct {
	Key string
	Why string // or what to do about it; may be empty
}

func (e *UnsupportedError) Error() string {
	if e.Why == "" {
		return e.Key + ": not supported"
	}
	return e.Key + ": not supported: " + e.Why
}

// Fault is the error's kind.
func (e *UnsupportedError) Fault() fault.Kind { return fault.Model }

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
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field == "vision_cfg.attentional_pool" {
			return c, &UnsupportedError{Key: wrong.Field + " that is not true or false"} // parallel and cascade
		}
		return c, fmt.Errorf("model config: %w", fault.JSON(err))
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
		return &UnsupportedError{
			Key: fmt.Sprintf("vision_cfg.timm_model_name = %q", v.TimmModelName),
			Why: "it is not a name of timm's SigLIP towers; a tower of that kind under another name needs image_size, patch_size, " +
				"layers, width and head_width beside it",
		}
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
	if err := nn.Within("embed_dim", c.EmbedDim, nn.MaxWidth); err != nil {
		errs = append(errs, err)
	}
	if timm := c.Vision.TimmModelName; timm != "" && c.Vision.Width != c.EmbedDim {
		errs = append(errs, fmt.Errorf("embed_dim: %d, but the features of %s are %d wide", c.EmbedDim, timm, c.Vision.Width))
	}
	if c.Text.ProjType == "none" && c.Text.Width != c.EmbedDim {
		errs = append(errs, fmt.Errorf("embed_dim: %d, but text_cfg.width is %d and nothing projects it", c.EmbedDim, c.Text.Width))
	}
	errs = append(errs, c.validateDecoder())
	if c.QuickGELU && (c.Text.ActKwargs != nil || c.Vision.ActKwargs != nil && c.Vision.TimmModelName == "") {
		errs = append(errs, errors.New("quick_gelu: it takes no act_kwargs"))
	}
	return errors.Join(errs...)
}

// validateDecoder compares the decoder with the towers that it reads from.
func (c Config) validateDecoder() error {
	d := c.Multimodal
	if d == nil {
		if c.Vision.OutputTokens || c.Text.OutputTokens {
			return errors.New("output_tokens: nothing reads them without multimodal_cfg")
		}
		return nil
	}
	errs := []error{d.Validate()}
	for _, need := range []struct {
		met  bool
		text string
	}{
		{c.CustomText, "multimodal_cfg: it needs custom_text"},
		{c.Vision.AttentionalPool && c.Vision.OutputTokens, "multimodal_cfg: it needs vision_cfg.attentional_pool and output_tokens"},
		{c.Text.EmbedCls && c.Text.OutputTokens, "multimodal_cfg: it needs text_cfg.embed_cls and output_tokens"},
		{d.Width == c.Text.Width && d.Width == c.EmbedDim, fmt.Sprintf("multimodal_cfg.width: %d, but text_cfg.width is %d and "+
			"embed_dim %d: all three are one", d.Width, c.Text.Width, c.EmbedDim)},
		{d.VocabSize == c.Text.VocabSize, fmt.Sprintf("multimodal_cfg.vocab_size: %d, but text_cfg has %d", d.VocabSize, c.Text.VocabSize)},
		{d.ContextLength >= c.Text.ContextLength, fmt.Sprintf("multimodal_cfg.context_length: %d, but text_cfg has %d", d.ContextLength,
			c.Text.ContextLength)},
	} {
		if !need.met {
			errs = append(errs, errors.New(need.text))
		}
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
