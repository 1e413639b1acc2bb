package weights

import (
	"encoding/json"
	"fmt"
	"math"

	"clipgo/internal/fault"
)

// hfTower is text_config or vision_config of config.json, with the fields of both.
type hfTower struct {
	HiddenSize       int     `json:"hidden_size"`
	IntermediateSize int     `json:"intermediate_size"`
	Layers           int     `json:"num_hidden_layers"`
	Heads            int     `json:"num_attention_heads"`
	HiddenAct        string  `json:"hidden_act"`
	LayerNormEps     float64 `json:"layer_norm_eps"`

	VocabSize    int             `json:"vocab_size"`
	Positions    int             `json:"max_position_embeddings"`
	EOS          json.RawMessage `json:"eos_token_id"` // a number, or several
	ImageSize    int             `json:"image_size"`
	PatchSize    int             `json:"patch_size"`
	Channels     int             `json:"num_channels"`
	ProjectionTo int             `json:"projection_dim"`

	ProjectionSize int   `json:"projection_size"` // SigLIP's
	UseHead        *bool `json:"vision_use_head"`
}

// hfConfig is config.json. Older files hold a tower's config twice; the second one (_dict) is used, with defaults for missing fields.
type hfConfig struct {
	ModelType     string          `json:"model_type"`
	ProjectionDim int             `json:"projection_dim"`
	Text          json.RawMessage `json:"text_config"`
	Vision        json.RawMessage `json:"vision_config"`
	TextDict      json.RawMessage `json:"text_config_dict"`
	VisionDict    json.RawMessage `json:"vision_config_dict"`
}

// maxSize bounds the sizes of a tower, so that arithmetic with them can't overflow; a model's config has closer limits.
const maxSize = 1 << 22

// tower reads a tower's config over transformers' defaults.
func tower(what string, defaults hfTower, config, dict json.RawMessage) (hfTower, error) {
	t := defaults
	if dict != nil && string(dict) != "null" {
		config = dict
	}
	if config == nil {
		return t, fmt.Errorf("config.json has no %s", what)
	}
	if err := json.Unmarshal(config, &t); err != nil {
		return t, fmt.Errorf("config.json: %s: %w", what, fault.JSON(err))
	}
	for name, v := range map[string]int{"hidden_size": t.HiddenSize, "intermediate_size": t.IntermediateSize,
		"num_hidden_layers": t.Layers, "num_attention_heads": t.Heads} {
		if v <= 0 {
			return t, fmt.Errorf("config.json: %s.%s: %d is not positive", what, name, v)
		}
		if v > maxSize {
			return t, fmt.Errorf("config.json: %s.%s: %d is more than %d, the limit", what, name, v, maxSize)
		}
	}
	if t.HiddenSize%t.Heads != 0 {
		return t, fmt.Errorf("config.json: %s.hidden_size: %d is not a multiple of num_attention_heads %d", what, t.HiddenSize, t.Heads)
	}
	return t, nil
}

// mlpRatio is the ratio for which int(width * ratio), which truncates, is the MLP's width.
func mlpRatio(width, mlp int) float64 {
	r := float64(mlp) / float64(width)
	for int(float64(width)*r) < mlp {
		r = math.Nextafter(r, math.Inf(1))
	}
	return r
}

// model_cfg and its parts, as clipgo writes them: fields with open_clip's default are omitted if CLIP has the same default.
type modelConfig struct {
	EmbedDim  int          `json:"embed_dim"`
	QuickGELU bool         `json:"quick_gelu,omitempty"`
	Vision    visionConfig `json:"vision_cfg"`
	Text      textConfig   `json:"text_cfg"`

	CustomText    bool     `json:"custom_text,omitempty"` // this and the fields below: SigLIP only
	InitLogitBias *float64 `json:"init_logit_bias,omitempty"`
}

// openCLIPDefaults are the values of fields that a model_cfg omits.
func openCLIPDefaults() modelConfig {
	return modelConfig{
		Vision: visionConfig{ImageSize: 224, PatchSize: 16, Layers: 12, Width: 768, HeadWidth: 64, MLPRatio: 4},
		Text:   textConfig{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4},
	}
}

type visionConfig struct {
	ImageSize  int         `json:"image_size"`
	PatchSize  int         `json:"patch_size"`
	Layers     int         `json:"layers"`
	Width      int         `json:"width"`
	HeadWidth  int         `json:"head_width"`
	MLPRatio   float64     `json:"mlp_ratio"`
	ActKwargs  *actKwargs  `json:"act_kwargs,omitempty"`
	NormKwargs *normKwargs `json:"norm_kwargs,omitempty"`

	TimmModelName string `json:"timm_model_name,omitempty"`
	TimmPool      string `json:"timm_pool,omitempty"`
	TimmProj      string `json:"timm_proj,omitempty"`
}

type textConfig struct {
	ContextLength int         `json:"context_length"`
	VocabSize     int         `json:"vocab_size"`
	Width         int         `json:"width"`
	Heads         int         `json:"heads"`
	Layers        int         `json:"layers"`
	MLPRatio      float64     `json:"mlp_ratio"`
	ActKwargs     *actKwargs  `json:"act_kwargs,omitempty"`
	NormKwargs    *normKwargs `json:"norm_kwargs,omitempty"`

	NoCausalMask    bool   `json:"no_causal_mask,omitempty"`
	PoolType        string `json:"pool_type,omitempty"`
	ProjBias        bool   `json:"proj_bias,omitempty"`
	HFTokenizerName string `json:"hf_tokenizer_name,omitempty"`
}

type actKwargs struct {
	Approximate string `json:"approximate"`
}

type normKwargs struct {
	Eps float64 `json:"eps"`
}

// epsOf returns norm_kwargs for a tower's epsilon; nil if that is PyTorch's default.
func epsOf(eps float64) *normKwargs {
	if eps == 1e-5 {
		return nil
	}
	return &normKwargs{eps}
}
