package weights

import (
	"encoding/json"
	"slices"

	"clipgo/internal/fault"
	"clipgo/internal/safetensors"
)

// The names of open_clip's hub layout.
const (
	openCLIPConfig  = "open_clip_config.json"
	openCLIPWeights = "open_clip_model.safetensors"
	plainWeights    = "model.safetensors"
)

// openCLIPFiles are the names of weights in a folder of open_clip's, in order of preference: safetensors before pickles.
var openCLIPFiles = []string{
	openCLIPWeights, "open_clip_pytorch_model.safetensors", plainWeights, "model.safetensors.index.json",
	"open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth", "pytorch_model.bin", "pytorch_model.pth", "model.pth",
}

// buffers are the tensors in open_clip's and OpenAI's files that are not weights.
var buffers = []string{"attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size"}

// openCLIPSet returns the tensors of a file with open_clip's names, without prefixes and buffers.
func openCLIPSet(path string, src Set) (Set, []string, error) {
	out := newDerived()
	var dropped []string
	for _, name := range src.Names() {
		short := bare(name)
		if slices.Contains(buffers, short) {
			dropped = append(dropped, short)
			continue
		}
		if !out.add(short, func() safetensors.Tensor { t, _ := src.Tensor(name); return t }) {
			return nil, nil, refuse(path, "%s is in it twice, with and without what training wraps around names", short)
		}
	}
	return out, dropped, nil
}

// openCLIPParts splits open_clip_config.json.
func openCLIPParts(path string, data []byte) (model, preprocess json.RawMessage, err error) {
	var hub struct {
		Model      json.RawMessage `json:"model_cfg"`
		Preprocess json.RawMessage `json:"preprocess_cfg"`
	}
	if err := json.Unmarshal(data, &hub); err != nil {
		return nil, nil, refuse(path, "%w", fault.JSON(err))
	}
	if hub.Model == nil {
		return nil, nil, refuse(path, "has no model_cfg")
	}
	return hub.Model, hub.Preprocess, nil
}
