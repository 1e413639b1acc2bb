package weights

import (
	"encoding/json"
	"fmt"

	"clipgo/internal/safetensors"
)

// features are fields of a model_cfg that CLIPModel can't express, apart from those of modelConfig.
type features struct {
	CustomText bool            `json:"custom_text"`
	LogitBias  *float64        `json:"init_logit_bias"`
	Decoder    json.RawMessage `json:"multimodal_cfg"`
	Vision     struct {
		LayerScale *float64 `json:"ls_init_value"`
		NoLNPre    bool     `json:"no_ln_pre"`
		PoolType   string   `json:"pool_type"`
		FinalLN    bool     `json:"final_ln_after_pool"`
		Timm       string   `json:"timm_model_name"`
	} `json:"vision_cfg"`
	Text struct {
		LayerScale *float64 `json:"ls_init_value"`
		NoCausal   bool     `json:"no_causal_mask"`
		PoolType   string   `json:"pool_type"`
		ProjBias   bool     `json:"proj_bias"`
		ProjType   string   `json:"proj_type"`
	} `json:"text_cfg"`
}

// isCLIP reports whether a model's image tower is open_clip's own transformer.
func isCLIP(model json.RawMessage) bool {
	var f features
	return json.Unmarshal(model, &f) == nil && f.Vision.Timm == ""
}

// beyondCLIP names the first feature that CLIPModel lacks.
func (f features) beyondCLIP() error {
	for _, c := range []struct {
		used bool
		name string
	}{
		{f.Decoder != nil, "multimodal_cfg (CoCa's decoder)"},
		{f.Vision.LayerScale != nil, "vision_cfg.ls_init_value (layer scale)"},
		{f.Text.LayerScale != nil, "text_cfg.ls_init_value (layer scale)"},
		{f.Vision.NoLNPre, "vision_cfg.no_ln_pre"},
		{f.Vision.PoolType != "" && f.Vision.PoolType != "tok", "vision_cfg.pool_type " + f.Vision.PoolType + " (average pooling)"},
		{f.Text.NoCausal, "text_cfg.no_causal_mask"},
		{f.Text.PoolType != "" && f.Text.PoolType != "argmax", "text_cfg.pool_type " + f.Text.PoolType},
		{f.Text.ProjBias, "text_cfg.proj_bias"},
		{f.Text.ProjType != "" && f.Text.ProjType != "linear", "text_cfg.proj_type " + f.Text.ProjType},
		{f.CustomText, "custom_text"},
		{f.LogitBias != nil, "init_logit_bias"},
	} {
		if c.used {
			return fmt.Errorf("transformers' CLIPModel has no %s", c.name)
		}
	}
	return nil
}

// clipConfigOut is config.json of a CLIPModel.
type clipConfigOut struct {
	Architectures []string  `json:"architectures"`
	ModelType     string    `json:"model_type"`
	ProjectionDim int       `json:"projection_dim"`
	LogitScale    decimal   `json:"logit_scale_init_value"`
	DType         string    `json:"torch_dtype"`
	Text          textOut   `json:"text_config"`
	Vision        visionOut `json:"vision_config"`
}

// towerOut holds the fields that the towers' configs of all models have.
type towerOut struct {
	ModelType    string  `json:"model_type"`
	HiddenSize   int     `json:"hidden_size"`
	Intermediate int     `json:"intermediate_size"`
	Layers       int     `json:"num_hidden_layers"`
	Heads        int     `json:"num_attention_heads"`
	HiddenAct    string  `json:"hidden_act"`
	Eps          decimal `json:"layer_norm_eps"`
}

// clipTowerOut holds the fields that both towers of a CLIPModel have.
type clipTowerOut struct {
	towerOut
	ProjectionDim int     `json:"projection_dim"`
	Dropout       decimal `json:"attention_dropout"`
}

type textOut struct {
	clipTowerOut
	VocabSize int `json:"vocab_size"`
	Positions int `json:"max_position_embeddings"`
	BOS       int `json:"bos_token_id"`
	EOS       int `json:"eos_token_id"`
	Pad       int `json:"pad_token_id"`
}

type visionOut struct {
	clipTowerOut
	ImageSize int `json:"image_size"`
	PatchSize int `json:"patch_size"`
	Channels  int `json:"num_channels"`
}

// exportCLIP turns open_clip's configs into CLIPModel's and CLIPImageProcessor's.
func exportCLIP(b Bundle) (map[string]any, error) {
	var f features
	if err := json.Unmarshal(b.Model, &f); err != nil {
		return nil, fmt.Errorf("model_cfg: %w", err)
	}
	if err := f.beyondCLIP(); err != nil {
		return nil, err
	}
	m := openCLIPDefaults()
	if err := json.Unmarshal(b.Model, &m); err != nil {
		return nil, fmt.Errorf("model_cfg: %w", err)
	}
	p, err := exportProcessor(b.Preprocess)
	if err != nil {
		return nil, err
	}
	p.Type, p.Class = "CLIPImageProcessor", "CLIPProcessor"
	return map[string]any{hfConfigFile: m.toHF(b.dtype()), preprocessorFile: p}, nil
}

func (m modelConfig) toHF(dtype string) clipConfigOut {
	v, t := m.Vision, m.Text
	return clipConfigOut{
		Architectures: []string{"CLIPModel"}, ModelType: "clip", ProjectionDim: m.EmbedDim, LogitScale: 2.6592, DType: dtype,
		Text: textOut{
			clipTowerOut: clipTowerOut{towerOut: t.toHF("clip_text_model", m.QuickGELU), ProjectionDim: m.EmbedDim},
			VocabSize:    t.VocabSize, Positions: t.ContextLength, BOS: t.VocabSize - 2, EOS: t.VocabSize - 1, Pad: 1,
		},
		Vision: visionOut{
			clipTowerOut: clipTowerOut{towerOut: v.toHF("clip_vision_model", m.QuickGELU), ProjectionDim: m.EmbedDim},
			ImageSize:    v.ImageSize, PatchSize: v.PatchSize, Channels: 3,
		},
	}
}

func (t textConfig) toHF(kind string, quick bool) towerOut {
	return towerOut{
		ModelType: kind, HiddenSize: t.Width, Intermediate: int(float64(t.Width) * t.MLPRatio), Layers: t.Layers, Heads: t.Heads,
		HiddenAct: actName(quick, t.ActKwargs), Eps: decimal(t.NormKwargs.eps()),
	}
}

func (v visionConfig) toHF(kind string, quick bool) towerOut {
	return towerOut{
		ModelType: kind, HiddenSize: v.Width, Intermediate: int(float64(v.Width) * v.MLPRatio), Layers: v.Layers,
		Heads:     v.Width / v.HeadWidth,
		HiddenAct: actName(quick, v.ActKwargs), Eps: decimal(v.NormKwargs.eps()),
	}
}

func actName(quick bool, k *actKwargs) string {
	switch {
	case quick:
		return "quick_gelu"
	case k != nil && k.Approximate == "tanh":
		return "gelu_pytorch_tanh"
	default:
		return "gelu"
	}
}

func (k *normKwargs) eps() float64 {
	if k == nil || k.Eps == 0 {
		return 1e-5
	}
	return k.Eps
}

// dtype is PyTorch's name of the weights' type.
func (b Bundle) dtype() string {
	d := b.DType
	if d == "" {
		d = Stored(b.Set)
	}
	switch d {
	case safetensors.F16:
		return "float16"
	case safetensors.BF16:
		return "bfloat16"
	default:
		return "float32"
	}
}
