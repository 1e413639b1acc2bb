package contrastive

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"clipgo/internal/config"
	"clipgo/text"
	"clipgo/vision"
)

// What open_clip 3.3.0 knows beyond what clipgo has, with the value that means "not used". A config may say so; with
// any other value it is refused.
var openClipOnly = map[string]map[string]string{
	"": {
		"custom_text": "false", "init_logit_bias": "null", "cast_dtype": "null", "nonscalar_logit_scale": "false",
		"output_dict": "false", "multimodal_cfg": "null", "audio_cfg": "null",
	},
	"vision_cfg": {
		"attentional_pool": "false", "attn_pooler_queries": "256", "attn_pooler_heads": "8", "output_tokens": "false",
		"act_kwargs": "null", "norm_kwargs": "null", "block_type": "null", "qk_norm": "false", "scaled_cosine_attn": "false",
		"scale_heads": "false", "scale_attn_inner": "false", "scale_attn": "false", "scale_fc": "false",
		"timm_model_name": "null", "timm_model_pretrained": "false", "timm_pool": `"avg"`, "timm_proj": `"linear"`,
		"timm_proj_bias": "false", "timm_drop": "0", "timm_drop_path": "null", "input_patchnorm": "false",
		"global_average_pool": "false", "use_rot_embed": "false", "attn_pooler": "null",
	},
	"text_cfg": {
		"no_causal_mask": "false", "pad_id": "0", "eos_id": "2", "pool_type": `"argmax"`, "proj_bias": "false", "proj_type": `"linear"`,
		"embed_cls": "false", "output_tokens": "false", "act_kwargs": "null", "norm_kwargs": "null", "block_type": "null",
		"qk_norm": "false", "scaled_cosine_attn": "false", "scale_heads": "false", "scale_attn_inner": "false",
		"scale_attn": "false", "scale_fc": "false", "final_ln_after_pool": "false", "correct_cls_mask": "false",
		"hf_model_name": "null", "hf_model_pretrained": "true", "hf_tokenizer_name": "null", "hf_proj_type": `"mlp"`,
		"hf_pooler_type": `"mean_pooler"`, "tokenizer_kwargs": "null", "tokenizer_mode": "null", "text_mask": `"first"`,
	},
}

func checkKeys(data []byte) error {
	top, err := object("", data)
	if err != nil {
		return err
	}
	if err := checkObject("", top, Config{}); err != nil {
		return err
	}
	for key, sub := range map[string]any{"vision_cfg": vision.Config{}, "text_cfg": text.Config{}} {
		if top[key] == nil {
			return fmt.Errorf("model config: %s is missing", key)
		}
		fields, err := object(key, top[key])
		if err != nil {
			return err
		}
		if err := checkObject(key, fields, sub); err != nil {
			return err
		}
	}
	return nil
}

func object(where string, data []byte) (map[string]json.RawMessage, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("model config %s: %w", where, err)
	}
	return o, nil
}

func checkObject(where string, fields map[string]json.RawMessage, shape any) error {
	known := jsonKeys(shape)
	others := openClipOnly[where]
	var keys []string
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys) // the same complaint each time
	for _, key := range keys {
		path := strings.TrimPrefix(where+"."+key, ".")
		unused, theirs := others[key]
		switch {
		case slices.Contains(known, key):
		case theirs && strings.TrimSpace(string(fields[key])) == unused:
		case theirs:
			return &UnsupportedError{Key: path + " = " + string(fields[key])}
		default:
			return &config.UnknownKeyError{Key: path, Nearest: config.Nearest(key, known)}
		}
	}
	return nil
}

func jsonKeys(shape any) []string {
	var keys []string
	t := reflect.TypeOf(shape)
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		keys = append(keys, name)
	}
	return keys
}
