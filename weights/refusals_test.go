package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
)

// edit changes one value of a JSON object by its dotted key; nil takes it out.
func edit(t *testing.T, path, key string, value any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	at := o
	keys := strings.Split(key, ".")
	for _, k := range keys[:len(keys)-1] {
		at = at[k].(map[string]any)
	}
	at[keys[len(keys)-1]] = value
	if value == nil {
		delete(at, keys[len(keys)-1])
	}
	if data, err = json.Marshal(o); err != nil {
		t.Fatal(err)
	}
	write(t, path, data)
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hfCopy is a folder of transformers' that a test may spoil.
func hfCopy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(golden.Dir(t, "model"), "clip-gelu", "hf"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hfSizes are what hfCopy's configs say, so that other fixtures of the same layout can take its place.
type hfSizes struct {
	Text map[string]any `json:"text_config"`
	View struct {
		Size int `json:"image_size"`
	} `json:"vision_config"`
}

func sizesOf(t *testing.T) (s hfSizes) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(hfCopy(t), hfConfigFile))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s hfSizes) text(key string) int { return int(s.Text[key].(float64)) }

func TestGoldenFoldersThatWouldBeQuietlyWrongAreRefused(t *testing.T) {
	s := sizesOf(t)
	size, width, vocab := s.View.Size, s.text("hidden_size"), s.text("vocab_size")
	heads := width - 1 // no divisor of the width
	for _, c := range []struct {
		file, key string
		value     any
		want      string
	}{
		{hfConfigFile, "model_type", "clipseg", `model_type: "clipseg" is not supported`},
		{hfConfigFile, "vision_config.hidden_act", "relu", `vision_config.hidden_act: "relu" is not supported`},
		{hfConfigFile, "text_config.hidden_act", "swish", `text_config.hidden_act: "swish" is not supported`},
		{hfConfigFile, "text_config.hidden_act", "quick_gelu", "gelu for pictures and quick_gelu for captions"},
		{hfConfigFile, "text_config.eos_token_id", 7,
			fmt.Sprintf("text_config.eos_token_id: 7 is not the largest of %d ids", vocab)},
		{hfConfigFile, "text_config.num_attention_heads", heads,
			fmt.Sprintf("hidden_size: %d is not a multiple of num_attention_heads %d", width, heads)},
		{hfConfigFile, "text_config.num_hidden_layers", -1, "num_hidden_layers: -1 is not positive"},
		{hfConfigFile, "vision_config.num_channels", 4, "num_channels: 4 is not supported"},
		{hfConfigFile, "vision_config", nil, "has no vision_config"},
		{preprocessorFile, "crop_size", size + 16, fmt.Sprintf("it resizes to %d and crops to %d", size, size+16)},
		{preprocessorFile, "size", map[string]any{"height": size - 8, "width": size - 8},
			fmt.Sprintf("it resizes to %d and crops to %d", size-8, size)},
		{preprocessorFile, "size", map[string]any{"height": size, "width": size / 2}, "not square"},
		{preprocessorFile, "do_center_crop", false, "do_center_crop is false"},
		{preprocessorFile, "do_resize", false, "do_resize"},
		{preprocessorFile, "do_rescale", false, "do_rescale"},
		{preprocessorFile, "rescale_factor", 1, "rescale_factor: 1 is not 1/255"},
		{preprocessorFile, "resample", 1, "resample: 1 is not supported"},
		{preprocessorFile, "image_mean", []float64{0.5}, "not a value for each of 3 channels"},
		{preprocessorFile, "image_processor_type", "SiglipImageProcessor", "SiglipImageProcessor does not prepare pictures"},
	} {
		t.Run(c.key, func(t *testing.T) {
			dir := hfCopy(t)
			edit(t, filepath.Join(dir, c.file), c.key, c.value)
			_, err := Open(dir)
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("want %q: %v", c.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// TestGoldenOldAndNewFormsMeanTheSame goes through what years of transformers have written.
func TestGoldenOldAndNewFormsMeanTheSame(t *testing.T) {
	type change struct {
		file, key string
		value     any
	}
	want, s := openFixture(t, hfCopy(t)), sizesOf(t)
	size, end := s.View.Size, s.text("vocab_size")-1
	for name, changes := range map[string][]change{
		"numbers for sizes": {{preprocessorFile, "size", size}, {preprocessorFile, "crop_size", size}},
		"the extractor of old": {{preprocessorFile, "image_processor_type", nil},
			{preprocessorFile, "feature_extractor_type", "CLIPFeatureExtractor"}},
		"only what differs": {{preprocessorFile, "do_rescale", nil}, {preprocessorFile, "rescale_factor", nil},
			{preprocessorFile, "resample", nil}},
		"OpenAI's end of text":      {{hfConfigFile, "text_config.eos_token_id", 2}},
		"the end of text in a list": {{hfConfigFile, "text_config.eos_token_id", []int{end}}},
		"a tower twice": {{hfConfigFile, "text_config.hidden_act", "relu"},
			{hfConfigFile, "text_config_dict", s.Text}},
		"a null beside it": {{hfConfigFile, "text_config_dict", json.RawMessage("null")}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := hfCopy(t)
			for _, c := range changes {
				edit(t, filepath.Join(dir, c.file), c.key, c.value)
			}
			got := openFixture(t, dir)
			if string(got.Model) != string(want.Model) || string(got.Preprocess) != string(want.Preprocess) {
				t.Errorf("%s %s\nwant %s %s", got.Model, got.Preprocess, want.Model, want.Preprocess)
			}
		})
	}
	t.Run("all processors in one file", func(t *testing.T) {
		dir := hfCopy(t)
		data, err := os.ReadFile(filepath.Join(dir, preprocessorFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, preprocessorFile)); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, processorFile), []byte(`{"image_processor": `+string(data)+`}`))
		if got := openFixture(t, dir); string(got.Preprocess) != string(want.Preprocess) || got.Notes != nil {
			t.Errorf("%s %v, want %s", got.Preprocess, got.Notes, want.Preprocess)
		}
	})
	t.Run("no processor is said", func(t *testing.T) {
		dir := hfCopy(t)
		if err := os.Remove(filepath.Join(dir, preprocessorFile)); err != nil {
			t.Fatal(err)
		}
		if got := openFixture(t, dir); string(got.Preprocess) != string(want.Preprocess) || len(got.Notes) != 1 {
			t.Errorf("%s %v, want %s and a note", got.Preprocess, got.Notes, want.Preprocess)
		}
	})
}

// TestGoldenShardsAndOldBuffers reads a folder of several files, one of them with what older files held.
func TestGoldenShardsAndOldBuffers(t *testing.T) {
	dir := hfCopy(t)
	want := openFixture(t, hfCopy(t))
	src, err := safetensors.Open(filepath.Join(dir, plainWeights))
	if err != nil {
		t.Fatal(err)
	}
	var shards [2][]safetensors.Tensor
	index := map[string]string{}
	for i, name := range src.Names() {
		x, _ := src.Tensor(name)
		shards[i%2] = append(shards[i%2], x)
		index[name] = []string{"a.safetensors", "b.safetensors"}[i%2]
	}
	ids := safetensors.Tensor{Name: "text_model.embeddings.position_ids", DType: safetensors.I64, Shape: []int64{1, 2},
		Data: make([]byte, 16)}
	shards[0] = append(shards[0], ids)
	for i, name := range []string{"a.safetensors", "b.safetensors"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(safetensors.Write(f, shards[i], nil), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(src.Close(), os.Remove(filepath.Join(dir, plainWeights))); err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(map[string]any{"weight_map": index})
	write(t, filepath.Join(dir, "model.safetensors.index.json"), data)
	sameTensors(t, openFixture(t, dir), want)
}

func TestGoldenWhatTransformersLackIsNamed(t *testing.T) {
	source := openFixture(t, filepath.Join(golden.Dir(t, "model"), "clip-gelu"))
	for _, c := range []struct {
		part, key string
		value     any
		want      string
	}{
		{"vision_cfg", "ls_init_value", 0.1, "layer scale"},
		{"text_cfg", "ls_init_value", 0.1, "layer scale"},
		{"vision_cfg", "pool_type", "avg", "average pooling"},
		{"vision_cfg", "no_ln_pre", true, "no_ln_pre"},
		{"text_cfg", "no_causal_mask", true, "no_causal_mask"},
		{"text_cfg", "pool_type", "last", "pool_type last"},
		{"text_cfg", "proj_bias", true, "proj_bias"},
		{"text_cfg", "proj_type", "none", "proj_type none"},
		{"", "custom_text", true, "custom_text"},
		{"", "init_logit_bias", -10, "init_logit_bias"},
		{"", "multimodal_cfg", map[string]any{}, "multimodal_cfg (CoCa's decoder)"},
		{"preprocess", "resize_mode", "longest", "resize_mode longest"},
	} {
		var m map[string]any
		if err := json.Unmarshal(source.Model, &m); err != nil {
			t.Fatal(err)
		}
		p := map[string]any{"size": 32, "resize_mode": "shortest", "interpolation": "bicubic", "mean": []int{0, 0, 0},
			"std": []int{1, 1, 1}}
		switch c.part {
		case "":
			m[c.key] = c.value
		case "preprocess":
			p[c.key] = c.value
		default:
			m[c.part].(map[string]any)[c.key] = c.value
		}
		b := Bundle{Set: source, Card: func(io.Writer) error { return nil }}
		b.Model, _ = json.Marshal(m)
		b.Preprocess, _ = json.Marshal(p)
		dir := filepath.Join(t.TempDir(), "out")
		err := WriteHF(dir, b)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a folder was left behind", c.key)
		}
	}
}

func TestGoldenTensorsWithoutACounterpartAreNamed(t *testing.T) {
	source := openFixture(t, filepath.Join(golden.Dir(t, "model"), "clip-gelu"))
	more := tensors{}
	for _, name := range source.Names() {
		more[name], _ = source.Tensor(name)
	}
	maps.Copy(more, tensors{"visual.extra": {DType: safetensors.F32, Shape: []int64{1}, Data: make([]byte, 4)}})
	b := bundle(t, source, 32)
	b.Set = more
	if err := WriteHF(filepath.Join(t.TempDir(), "out"), b); err == nil ||
		!strings.Contains(err.Error(), "visual.extra has no counterpart") {
		t.Error(err)
	}
}
