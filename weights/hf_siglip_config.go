package weights

import (
	"encoding/json"
	"fmt"

	"clipgo/vision/timm"
)

// The defaults of transformers' SiglipTextConfig and SiglipVisionConfig, which config.json may leave out.
var (
	hfSigLIPText = hfTower{HiddenSize: 768, IntermediateSize: 3072, Layers: 12, Heads: 12, HiddenAct: "gelu_pytorch_tanh",
		LayerNormEps: 1e-6,
		VocabSize:    32000, Positions: 64}
	hfSigLIPVision = hfTower{HiddenSize: 768, IntermediateSize: 3072, Layers: 12, Heads: 12, HiddenAct: "gelu_pytorch_tanh",
		LayerNormEps: 1e-6,
		ImageSize:    224, PatchSize: 16, Channels: 3}
)

// hfSigLIPModel converts SiglipModel's config.json, which SigLIP 2 with fixed resolution also has, to open_clip's model_cfg.
func hfSigLIPModel(c hfConfig) (json.RawMessage, error) {
	text, err := tower("text_config", hfSigLIPText, c.Text, c.TextDict)
	if err != nil {
		return nil, err
	}
	vision, err := tower("vision_config", hfSigLIPVision, c.Vision, c.VisionDict)
	if err != nil {
		return nil, err
	}
	if text.ProjectionSize == 0 {
		text.ProjectionSize = text.HiddenSize
	}
	switch {
	case vision.Channels != 3:
		return nil, fmt.Errorf("config.json: vision_config.num_channels: %d is not supported, 3 is", vision.Channels)
	case vision.UseHead != nil && !*vision.UseHead:
		return nil, fmt.Errorf("config.json: vision_config.vision_use_head: a model without its attention pooling is not supported")
	case text.ProjectionSize != vision.HiddenSize:
		return nil, fmt.Errorf("config.json: text_config.projection_size: %d, but the features of pictures are %d wide",
			text.ProjectionSize, vision.HiddenSize)
	}
	visionGELU, err := geluOf("vision_config", vision.HiddenAct)
	if err != nil {
		return nil, err
	}
	textGELU, err := geluOf("text_config", text.HiddenAct)
	if err != nil {
		return nil, err
	}
	bias := -10.0 // SigLIP's own; the weights have the trained one
	return json.Marshal(modelConfig{
		EmbedDim: vision.HiddenSize, CustomText: true, InitLogitBias: &bias,
		Vision: visionConfig{
			ImageSize: vision.ImageSize, PatchSize: vision.PatchSize, Layers: vision.Layers, Width: vision.HiddenSize,
			HeadWidth: vision.HiddenSize / vision.Heads, MLPRatio: mlpRatio(vision.HiddenSize, vision.IntermediateSize),
			ActKwargs: visionGELU, NormKwargs: &normKwargs{vision.LayerNormEps},
			TimmModelName: timmName(vision), TimmPool: "map", TimmProj: "none",
		},
		Text: textConfig{
			ContextLength: text.Positions, VocabSize: text.VocabSize, Width: text.HiddenSize, Heads: text.Heads, Layers: text.Layers,
			MLPRatio:  mlpRatio(text.HiddenSize, text.IntermediateSize),
			ActKwargs: textGELU, NormKwargs: &normKwargs{text.LayerNormEps},
			NoCausalMask: true, PoolType: "last", ProjBias: true, HFTokenizerName: FolderTokenizer,
		},
	})
}

// geluOf converts transformers' activation to act_kwargs. It is always set, since open_clip's default differs between models.
func geluOf(what, act string) (*actKwargs, error) {
	switch act {
	case "gelu":
		return &actKwargs{"none"}, nil
	case "gelu_pytorch_tanh":
		return &actKwargs{"tanh"}, nil
	}
	return nil, fmt.Errorf("config.json: %s.hidden_act: %q is not supported; gelu and gelu_pytorch_tanh are", what, act)
}

// timmName is timm's name of a tower, or the name by timm's rule if timm has no such tower.
func timmName(v hfTower) string {
	size := timm.Size{Width: v.HiddenSize, Layers: v.Layers, Heads: v.Heads, MLPRatio: mlpRatio(v.HiddenSize, v.IntermediateSize)}
	if t, ok := timm.Like(timm.Tower{Size: size, PatchSize: v.PatchSize, ImageSize: v.ImageSize}); ok {
		return t.Name
	}
	return fmt.Sprintf("vit_custom_patch%d_siglip_%d", v.PatchSize, v.ImageSize)
}

// hfSigLIPPreprocess converts SiglipImageProcessor's config to preprocess_cfg: the whole picture is squashed to the model's size.
func hfSigLIPPreprocess(p hfProcessor, size int) (json.RawMessage, error) {
	if err := p.family("SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil"); err != nil {
		return nil, err
	}
	half := []float64{0.5, 0.5, 0.5}
	if p.Mean == nil {
		p.Mean = half
	}
	if p.Std == nil {
		p.Std = half
	}
	out, err := p.common()
	if err != nil {
		return nil, err
	}
	s := p.Size
	switch {
	case s == (hfSize{}):
		s.Height, s.Width = 224, 224
	case s.Shortest != 0:
		s.Height, s.Width = s.Shortest, s.Shortest
	}
	if s.Height != size || s.Width != size {
		return nil, fmt.Errorf("it makes pictures of %d x %d pixels, the model takes %d x %d", s.Width, s.Height, size, size)
	}
	out.Size, out.ResizeMode = size, "squash"
	return json.Marshal(out)
}
