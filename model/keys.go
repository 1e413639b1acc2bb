package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/text"
	"clipgo/vision"
)

// What open_clip 3.3.0 knows beyond what clipgo has, with the value that means "not used". A config may say so; with
// any other value it is refused.
var openClipOnly = map[string]map[string]string{
	"": {
		"cast_dtype": "null", "nonscalar_logit_scale": "false",
		"output_dict": "false", "audio_cfg": "null",
	},
	"vision_cfg": {
		"block_type": "null", "qk_norm": "false", "scaled_cosine_attn": "false",
		"scale_heads": "false", "scale_attn_inner": "false", "scale_attn": "false", "scale_fc": "false",
		"timm_model_pretrained": "false", "timm_proj_bias": "false", "timm_drop": "0", "timm_drop_path": "null", "input_patchnorm": "false",
		"global_average_pool": "false", "use_rot_embed": "false", "attn_pooler": "null",
	},
	"text_cfg": {
		"pad_id": "0", "eos_id": "2", "block_type": "null",
		"qk_norm": "false", "scaled_cosine_attn": "false", "scale_heads": "false", "scale_attn_inner": "false",
		"scale_attn": "false", "scale_fc": "false", "final_ln_after_pool": "false",
		"hf_model_name": "null", "hf_model_pretrained": "true", "hf_proj_type": `"mlp"`,
		"hf_pooler_type": `"mean_pooler"`, "tokenizer_mode": "null", "text_mask": `"first"`,
	},
}

// checkKeys also says which tower of timm's the config names, if any.
func checkKeys(data []byte) (timm string, err error) {
	top, err := object("", data)
	if err != nil {
		return "", err
	}
	if err := checkObject("", top, Config{}); err != nil {
		return "", err
	}
	for key, sub := range map[string]any{"vision_cfg": vision.Config{}, "text_cfg": text.Config{}} {
		if top[key] == nil {
			return "", fmt.Errorf("model config: %s is missing", key)
		}
		fields, err := object(key, top[key])
		if err != nil {
			return "", err
		}
		if err := checkObject(key, fields, sub); err != nil {
			return "", err
		}
		if name := fields["timm_model_name"]; key == "vision_cfg" && name != nil {
			if err := json.Unmarshal(name, &timm); err != nil {
				return "", fmt.Errorf("model config vision_cfg.timm_model_name: %w", fault.JSON(err))
			}
		}
	}
	return timm, nil
}

func object(where string, data []byte) (map[string]json.RawMessage, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.TrimSpace("model config "+where), fault.JSON(err))
	}
	return o, nil
}

func checkObject(where string, fields map[string]json.RawMessage, shape any) error {
	known := jsonKeys(shape)
	others := openClipOnly[where]
	for _, key := range slices.Sorted(maps.Keys(fields)) { // sorted: the same complaint each time
		path := strings.TrimPrefix(where+"."+key, ".")
		unused, theirs := others[key]
		switch {
		case slices.Contains(known, key):
			if err := checkKwargs(path, fields[key], shape); err != nil {
				return err
			}
		case theirs && strings.TrimSpace(string(fields[key])) == unused:
		case theirs:
			return &UnsupportedError{Key: fault.Short(path + " = " + string(fields[key]))}
		default:
			return &config.UnknownKeyError{Key: fault.Short(path), Nearest: config.Nearest(key, known)}
		}
	}
	return nil
}

// checkKwargs refuses what an object within a tower's config has beyond the fields that clipgo knows.
func checkKwargs(path string, value json.RawMessage, shape any) error {
	t := reflect.TypeOf(shape)
	name := path[strings.LastIndex(path, ".")+1:]
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != name || f.Type.Kind() != reflect.Pointer ||
			f.Type.Elem().Kind() != reflect.Struct {
			continue
		}
		fields, err := object(path, value)
		if err != nil {
			return err
		}
		known := jsonKeys(reflect.Zero(f.Type.Elem()).Interface())
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if !slices.Contains(known, key) {
				return &UnsupportedError{Key: fault.Short(path + "." + key + " = " + string(fields[key]))}
			}
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
