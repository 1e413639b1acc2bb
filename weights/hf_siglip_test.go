package weights

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
)

// siglipFolders are the fixtures that hold a SiglipModel and, under open_clip/, the same weights in open_clip's layout.
func siglipFolders(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "model"), "siglip-*"))
	if err != nil || len(dirs) == 0 {
		t.Skipf("no fixtures of SigLIP: %v", err)
	}
	return dirs
}

func openFixture(t *testing.T, path string) *Checkpoint {
	t.Helper()
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func sameTensors(t *testing.T, got, want Set) {
	t.Helper()
	names := slices.Sorted(slices.Values(got.Names()))
	if others := slices.Sorted(slices.Values(want.Names())); !slices.Equal(names, others) {
		t.Fatalf("names %v, want %v", names, others)
	}
	for _, name := range names {
		a, _ := got.Tensor(name)
		b, _ := want.Tensor(name)
		if a.DType != b.DType || !slices.Equal(a.Shape, b.Shape) || !bytes.Equal(a.Data, b.Data) {
			t.Errorf("%s: %s %v, want %s %v with the same numbers", name, a.DType, a.Shape, b.DType, b.Shape)
		}
	}
}

func TestGoldenSiglipModelIsOpenCLIPs(t *testing.T) {
	for _, dir := range siglipFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c := openFixture(t, dir)
			if c.Layout != HFSigLIP {
				t.Errorf("layout %s", c.Layout)
			}
			sameTensors(t, c, openFixture(t, filepath.Join(dir, "open_clip", plainWeights)))
		})
	}
}

// open_clip -> transformers -> open_clip gives every tensor back, and transformers' own files in between.
func TestGoldenSigLIPGoesToTransformersAndBack(t *testing.T) {
	for _, dir := range siglipFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			theirs := openFixture(t, dir)
			out := filepath.Join(t.TempDir(), "out")
			b := Bundle{Set: openFixture(t, filepath.Join(dir, "open_clip", plainWeights)), Model: theirs.Model,
				Preprocess: theirs.Preprocess, Card: noCard}
			if err := WriteHF(out, b); err != nil {
				t.Fatal(err)
			}
			sameTensors(t, fileOf(t, filepath.Join(out, plainWeights)), fileOf(t, filepath.Join(dir, plainWeights)))
			for _, name := range []string{hfConfigFile, preprocessorFile} {
				agree(t, name, jsonOf(t, filepath.Join(out, name)), jsonOf(t, filepath.Join(dir, name)))
			}
			again := openFixture(t, out)
			sameTensors(t, again, b.Set)
			if !bytes.Equal(again.Model, theirs.Model) || !bytes.Equal(again.Preprocess, theirs.Preprocess) {
				t.Errorf("configs %s %s, want %s %s", again.Model, again.Preprocess, theirs.Model, theirs.Preprocess)
			}
		})
	}
}

func noCard(io.Writer) error { return nil }

// fileOf shows a file's own names.
func fileOf(t *testing.T, path string) Set {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func jsonOf(t *testing.T, path string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// agree compares what both objects say.
func agree(t *testing.T, path string, got, want map[string]any) {
	t.Helper()
	for key, w := range want {
		g, said := got[key]
		inner, nested := w.(map[string]any)
		switch {
		case !said:
		case nested:
			agree(t, path+"."+key, g.(map[string]any), inner)
		default:
			a, _ := json.Marshal(g)
			if b, _ := json.Marshal(w); !bytes.Equal(a, b) {
				t.Errorf("%s.%s is %s, transformers wrote %s", path, key, a, b)
			}
		}
	}
}

// siglipConfigs are config.json's of SigLIP by what is peculiar to them.
func TestSigLIPConfigsOfTransformers(t *testing.T) {
	for _, c := range []struct{ name, text, vision, want, wrong string }{
		{"by default", ``, ``, `"timm_model_name":"vit_base_patch16_siglip_224"`, ""},
		{"SigLIP 2", `"vocab_size": 256000`, `"image_size": 384`, `"timm_model_name":"vit_base_patch16_siglip_384"`, ""},
		{"tanh is always said", ``, ``, `"act_kwargs":{"approximate":"tanh"},"norm_kwargs":{"eps":0.000001},"timm_model_name"`, ""},
		{"so is exact", ``, `"hidden_act": "gelu"`,
			`"act_kwargs":{"approximate":"none"},"norm_kwargs":{"eps":0.000001},"timm_model_name"`, ""},
		{"so400m", `"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16`,
			`"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16, ` +
				`"patch_size": 14, "image_size": 384`,
			`"timm_model_name":"vit_so400m_patch14_siglip_384"`, ""},
		{"giant with a smaller text tower",
			`"projection_size": 1536, "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16`,
			`"hidden_size": 1536, "intermediate_size": 6144, "num_hidden_layers": 40, "num_attention_heads": 16, "image_size": 256`,
			`"embed_dim":1536`, ""},
		{"a size of its own", ``, `"num_hidden_layers": 3`, `"timm_model_name":"vit_custom_patch16_siglip_224"`, ""},
		{"no pooling", ``, `"vision_use_head": false`, "", "vision_use_head"},
		{"widths apart", `"projection_size": 512`, ``, "", "projection_size: 512"},
		{"another activation", `"hidden_act": "relu"`, ``, "", `text_config.hidden_act: "relu"`},
		{"grey", ``, `"num_channels": 1`, "", "num_channels: 1"},
	} {
		got, err := hfSigLIPModel(hfConfig{Text: json.RawMessage("{" + c.text + "}"), Vision: json.RawMessage("{" + c.vision + "}")})
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %v", c.name, err)
		case c.wrong == "" && (err != nil || !strings.Contains(string(got), c.want)):
			t.Errorf("%s: %v %s", c.name, err, got)
		}
	}
}

func TestPicturesOfSigLIPAreSquashed(t *testing.T) {
	for _, c := range []struct{ name, processor, want, wrong string }{
		{"SigLIP", `{"image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 3, ` +
			`"image_mean": [0.5,0.5,0.5], "image_std": [0.5,0.5,0.5]}`,
			`{"size":224,"mode":"RGB","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"interpolation":"bicubic","resize_mode":"squash"}`, ""},
		{"SigLIP 2", `{"image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2}`,
			`{"size":224,"mode":"RGB","mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"interpolation":"bilinear","resize_mode":"squash"}`, ""},
		{"another size", `{"size": {"height": 256, "width": 256}}`, "", "256 x 256"},
		{"CLIP's", `{"image_processor_type": "CLIPImageProcessor"}`, "", "CLIPImageProcessor"},
	} {
		var p hfProcessor
		if err := json.Unmarshal([]byte(c.processor), &p); err != nil {
			t.Fatal(err)
		}
		got, err := hfSigLIPPreprocess(p, 224)
		if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) || c.wrong == "" &&
			(err != nil || string(got) != c.want) {
			t.Errorf("%s: %s %v", c.name, got, err)
		}
	}
}

// What SiglipModel can't express is refused by name.
func TestTransformersRefusesWhatSiglipModelLacks(t *testing.T) {
	const vision = `"vision_cfg": {"timm_model_name": "vit_base_patch16_siglip_224"}`
	for _, c := range []struct{ text, top, want string }{
		{`"no_causal_mask": true, "pool_type": "last", "proj_bias": true`, ``, ""},
		{`"pool_type": "last", "proj_bias": true`, ``, "no_causal_mask"},
		{`"no_causal_mask": true, "proj_bias": true`, ``, "pool_type"},
		{`"no_causal_mask": true, "pool_type": "last", "proj_type": "none"`, ``, "proj_bias"},
		{`"no_causal_mask": true, "pool_type": "last", "proj_bias": true`, `, "quick_gelu": true`, "quick_gelu"},
	} {
		model := `{"embed_dim": 768, "custom_text": true, "init_logit_bias": -10, ` + vision + c.top + `, "text_cfg": {` + c.text + `}}`
		b := Bundle{Set: tensors{}, Model: json.RawMessage(model),
			Preprocess: json.RawMessage(`{"size": 224, "interpolation": "bicubic", "resize_mode": "squash"}`)}
		_, err := exportSigLIP(b)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s%s: %v", c.text, c.top, err)
		}
	}
}
