package weights

import (
	"encoding/json"
	"fmt"

	"clipgo/vision/timm"
)

// isSigLIP reports whether a model's image tower is timm's.
func isSigLIP(model json.RawMessage) bool {
	var f features
	return json.Unmarshal(model, &f) == nil && f.Vision.Timm != ""
}

// beyondSigLIP names the first feature of this model that SiglipModel lacks, or that SiglipModel always has and this model lacks.
func (f features) beyondSigLIP(m modelConfig) error {
	for _, c := range []struct {
		off  bool
		name string
	}{
		{f.Text.LayerScale != nil, "has no text_cfg.ls_init_value (layer scale)"},
		{!f.Text.NoCausal, "always has text_cfg.no_causal_mask"},
		{f.Text.PoolType != "last", "always has text_cfg.pool_type last"},
		{!f.Text.ProjBias || f.Text.ProjType == "none", "always has text_cfg.proj_bias"},
		{!f.CustomText, "always has custom_text"},
		{f.LogitBias == nil, "always has init_logit_bias"},
		{m.QuickGELU, "has no quick_gelu"},
	} {
		if c.off {
			return fmt.Errorf("transformers' SiglipModel %s", c.name)
		}
	}
	return nil
}

// siglipConfigOut is config.json of a SiglipModel.
type siglipConfigOut struct {
	Architectures []string        `json:"architectures"`
	ModelType     string          `json:"model_type"`
	DType         string          `json:"torch_dtype"`
	Text          siglipTextOut   `json:"text_config"`
	Vision        siglipVisionOut `json:"vision_config"`
}

type siglipTextOut struct {
	towerOut
	VocabSize  int `json:"vocab_size"`
	Positions  int `json:"max_position_embeddings"`
	Projection int `json:"projection_size"`
}

type siglipVisionOut struct {
	towerOut
	ImageSize int  `json:"image_size"`
	PatchSize int  `json:"patch_size"`
	Channels  int  `json:"num_channels"`
	UseHead   bool `json:"vision_use_head"`
}

// exportSigLIP converts open_clip's configs to SiglipModel's and SiglipImageProcessor's.
func exportSigLIP(b Bundle) (map[string]any, error) {
	var f features
	if err := json.Unmarshal(b.Model, &f); err != nil {
		return nil, fmt.Errorf("model_cfg: %w", err)
	}
	// open_clip's defaults
	m := modelConfig{Text: textConfig{ContextLength: 77, VocabSize: 49408, Width: 512, Heads: 8, Layers: 12, MLPRatio: 4}}
	m.Vision.timm(f.Vision.Timm)
	if err := json.Unmarshal(b.Model, &m); err != nil {
		return nil, fmt.Errorf("model_cfg: %w", err)
	}
	if err := f.beyondSigLIP(m); err != nil {
		return nil, err
	}
	p, err := exportProcessor(b.Preprocess)
	if err != nil {
		return nil, err
	}
	if p.DoCenterCrop {
		return nil, fmt.Errorf("transformers' SiglipImageProcessor has no preprocess_cfg.resize_mode shortest")
	}
	p.Type, p.Class = "SiglipImageProcessor", "SiglipProcessor"
	return map[string]any{hfConfigFile: m.toSigLIP(b.dtype()), preprocessorFile: p}, nil
}

// timm fills in the sizes that the name of a timm tower implies.
func (v *visionConfig) timm(name string) {
	v.MLPRatio, v.NormKwargs = 4, &normKwargs{1e-6}
	if t, ok := timm.Named(name); ok {
		v.ImageSize, v.PatchSize, v.Layers, v.Width = t.ImageSize, t.PatchSize, t.Layers, t.Width
		v.HeadWidth, v.MLPRatio, v.ActKwargs = t.Width/t.Heads, t.MLPRatio, &actKwargs{t.GELU}
	}
}

func (m modelConfig) toSigLIP(dtype string) siglipConfigOut {
	v, t := m.Vision, m.Text
	return siglipConfigOut{
		Architectures: []string{"SiglipModel"}, ModelType: "siglip", DType: dtype,
		Text: siglipTextOut{
			towerOut:  t.toHF("siglip_text_model", false),
			VocabSize: t.VocabSize, Positions: t.ContextLength, Projection: m.EmbedDim,
		},
		Vision: siglipVisionOut{
			towerOut:  v.toHF("siglip_vision_model", false),
			ImageSize: v.ImageSize, PatchSize: v.PatchSize, Channels: 3, UseHead: true,
		},
	}
}
