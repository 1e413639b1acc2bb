package weights

import (
	"encoding/json"
	"fmt"
	"slices"
)

// The defaults of transformers' CLIPTextConfig and CLIPVisionConfig, which config.json may leave out.
var (
	hfCLIPText = hfTower{HiddenSize: 512, IntermediateSize: 2048, Layers: 12, Heads: 8, HiddenAct: "quick_gelu", LayerNormEps: 1e-5,
		VocabSize: 49408, Positions: 77, EOS: json.RawMessage("49407")}
	hfCLIPVision = hfTower{HiddenSize: 768, IntermediateSize: 3072, Layers: 12, Heads: 12, HiddenAct: "quick_gelu", LayerNormEps: 1e-5,
		ImageSize: 224, PatchSize: 32, Channels: 3}
)

// hfCLIPModel converts CLIPModel's config.json to open_clip's model_cfg.
func hfCLIPModel(c hfConfig) (json.RawMessage, error) {
	text, err := tower("text_config", hfCLIPText, c.Text, c.TextDict)
	if err != nil {
		return nil, err
	}
	vision, err := tower("vision_config", hfCLIPVision, c.Vision, c.VisionDict)
	if err != nil {
		return nil, err
	}
	if err := readsEnd(text); err != nil {
		return nil, err
	}
	if vision.Channels != 3 {
		return nil, fmt.Errorf("config.json: vision_config.num_channels: %d is not supported, 3 is", vision.Channels)
	}
	m := modelConfig{
		EmbedDim: c.ProjectionDim,
		Vision: visionConfig{
			ImageSize: vision.ImageSize, PatchSize: vision.PatchSize, Layers: vision.Layers, Width: vision.HiddenSize,
			HeadWidth: vision.HiddenSize / vision.Heads, MLPRatio: mlpRatio(vision.HiddenSize, vision.IntermediateSize),
			NormKwargs: epsOf(vision.LayerNormEps),
		},
		Text: textConfig{
			ContextLength: text.Positions, VocabSize: text.VocabSize, Width: text.HiddenSize, Heads: text.Heads, Layers: text.Layers,
			MLPRatio: mlpRatio(text.HiddenSize, text.IntermediateSize), NormKwargs: epsOf(text.LayerNormEps),
		},
	}
	if err := m.activate(vision.HiddenAct, text.HiddenAct); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// activate sets the towers' activations. open_clip has one switch for QuickGELU, and act_kwargs for each tower's GELU.
func (m *modelConfig) activate(vision, text string) error {
	for what, act := range map[string]string{"vision_config": vision, "text_config": text} {
		if !slices.Contains([]string{"quick_gelu", "gelu", "gelu_pytorch_tanh"}, act) {
			return fmt.Errorf("config.json: %s.hidden_act: %q is not supported; quick_gelu, gelu and gelu_pytorch_tanh are", what, act)
		}
	}
	if (vision == "quick_gelu") != (text == "quick_gelu") {
		return fmt.Errorf("config.json: hidden_act: %s for pictures and %s for captions in one model is not supported", vision, text)
	}
	m.QuickGELU = vision == "quick_gelu"
	if vision == "gelu_pytorch_tanh" {
		m.Vision.ActKwargs = &actKwargs{"tanh"}
	}
	if text == "gelu_pytorch_tanh" {
		m.Text.ActKwargs = &actKwargs{"tanh"}
	}
	return nil
}

// historicEOS is the eos_token_id of OpenAI's models on the hub. With it transformers pools at the largest id, as open_clip always does.
const historicEOS = 2

// clipEOS is the end-of-text id of CLIP's tokenizer, its largest id.
const clipEOS = 49407

// readsEnd checks that the end-of-text token, at which transformers pools, is the largest id, at which open_clip and clipgo pool.
func readsEnd(text hfTower) error {
	var one int
	var several []int
	if json.Unmarshal(text.EOS, &one) != nil {
		if json.Unmarshal(text.EOS, &several) != nil || len(several) != 1 {
			return fmt.Errorf("config.json: text_config.eos_token_id: %s is not one number", text.EOS)
		}
		one = several[0]
	}
	if one == historicEOS || one == clipEOS || one == text.VocabSize-1 {
		return nil
	}
	return fmt.Errorf("config.json: text_config.eos_token_id: %d is not the largest of %d ids, at which a caption is read", one,
		text.VocabSize)
}
