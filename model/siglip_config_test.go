package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"clipgo/internal/nn"
)

// siglipModels are open_clip 3.3.0's own on timm 1.0.31: how many parameters the model and its image tower have, the
// first half of the SHA-256 of their names in order (one a line), and how the towers compute GELU.
var siglipModels = []struct {
	name         string
	total, image int64
	order        string
	vision, text nn.Activation
}{
	{"ViT-B-16-SigLIP-256", 203_202_050, 92_930_304, "1d5dd26daba49be5", nn.GELU, nn.GELU},
	{"ViT-B-16-SigLIP-384", 203_447_810, 93_176_064, "1d5dd26daba49be5", nn.GELU, nn.GELU},
	{"ViT-B-16-SigLIP-512", 203_791_874, 93_520_128, "1d5dd26daba49be5", nn.GELU, nn.GELU},
	{"ViT-B-16-SigLIP-i18n-256", 370_626_050, 92_930_304, "1d5dd26daba49be5", nn.GELU, nn.GELU},
	{"ViT-B-16-SigLIP", 203_155_970, 92_884_224, "1d5dd26daba49be5", nn.GELU, nn.GELU},
	{"ViT-B-16-SigLIP2-256", 375_234_050, 92_930_304, "1d5dd26daba49be5", nn.GELU, nn.GELUTanh},
	{"ViT-B-16-SigLIP2-384", 375_479_810, 93_176_064, "1d5dd26daba49be5", nn.GELU, nn.GELUTanh},
	{"ViT-B-16-SigLIP2-512", 375_823_874, 93_520_128, "1d5dd26daba49be5", nn.GELU, nn.GELUTanh},
	{"ViT-B-16-SigLIP2", 375_187_970, 92_884_224, "1d5dd26daba49be5", nn.GELU, nn.GELUTanh},
	{"ViT-B-32-SigLIP2-256", 376_856_066, 94_552_320, "1d5dd26daba49be5", nn.GELUTanh, nn.GELUTanh},
	{"ViT-L-16-SigLIP-256", 652_150_786, 315_956_224, "f2a6a9581832b4aa", nn.GELU, nn.GELU},
	{"ViT-L-16-SigLIP-384", 652_478_466, 316_283_904, "f2a6a9581832b4aa", nn.GELU, nn.GELU},
	{"ViT-L-16-SigLIP2-256", 881_526_786, 315_956_224, "f2a6a9581832b4aa", nn.GELU, nn.GELUTanh},
	{"ViT-L-16-SigLIP2-384", 881_854_466, 316_283_904, "f2a6a9581832b4aa", nn.GELU, nn.GELUTanh},
	{"ViT-L-16-SigLIP2-512", 882_313_218, 316_742_656, "f2a6a9581832b4aa", nn.GELUTanh, nn.GELUTanh},
	{"ViT-SO400M-14-SigLIP-378", 877_960_498, 428_225_600, "df5c51ef813b7cf9", nn.GELU, nn.GELU},
	{"ViT-SO400M-14-SigLIP-384", 877_960_498, 428_225_600, "df5c51ef813b7cf9", nn.GELU, nn.GELU},
	{"ViT-SO400M-14-SigLIP", 877_360_306, 427_680_704, "df5c51ef813b7cf9", nn.GELU, nn.GELU},
	{"ViT-SO400M-14-SigLIP2-378", 1_136_008_498, 428_225_600, "df5c51ef813b7cf9", nn.GELU, nn.GELUTanh},
	{"ViT-SO400M-14-SigLIP2", 1_135_463_602, 427_680_704, "df5c51ef813b7cf9", nn.GELU, nn.GELUTanh},
	{"ViT-SO400M-16-SigLIP-i18n-256", 1_127_430_706, 427_888_064, "bb4877fab64fe730", nn.GELUTanh, nn.GELU},
	{"ViT-SO400M-16-SigLIP2-256", 1_135_670_962, 427_888_064, "df5c51ef813b7cf9", nn.GELUTanh, nn.GELUTanh},
	{"ViT-SO400M-16-SigLIP2-384", 1_136_039_602, 428_256_704, "df5c51ef813b7cf9", nn.GELUTanh, nn.GELUTanh},
	{"ViT-SO400M-16-SigLIP2-512", 1_136_555_698, 428_772_800, "df5c51ef813b7cf9", nn.GELUTanh, nn.GELUTanh},
	{"ViT-gopt-16-SigLIP2-256", 1_871_393_906, 1_163_168_256, "bc8d793fd7204237", nn.GELUTanh, nn.GELUTanh},
	{"ViT-gopt-16-SigLIP2-384", 1_871_885_426, 1_163_659_776, "bc8d793fd7204237", nn.GELUTanh, nn.GELUTanh},
}

func TestSigLIPsAreOpenCLIPs(t *testing.T) {
	for _, want := range siglipModels {
		t.Run(want.name, func(t *testing.T) {
			c, err := NamedConfig(want.name)
			if err != nil {
				t.Fatal(err)
			}
			m := Declare(c) // allocates no parameters
			var names []string
			for _, p := range m.Params() {
				names = append(names, p.Name)
			}
			digest := sha256.Sum256([]byte(strings.Join(names, "\n")))
			if m.ParameterCount() != want.total || m.VisionParameterCount() != want.image {
				t.Errorf("%d parameters, %d in the image tower; open_clip has %d and %d", m.ParameterCount(), m.VisionParameterCount(),
					want.total, want.image)
			}
			if order := hex.EncodeToString(digest[:8]); order != want.order {
				t.Errorf("names in another order than open_clip's, or others: %s", strings.Join(names, " "))
			}
			if v, x := c.Vision.Activation(), c.activation(c.Text.ActKwargs); v != want.vision || x != want.text {
				t.Errorf("activations %s and %s, open_clip has %s and %s", v, x, want.vision, want.text)
			}
		})
	}
	embedded := 0
	for _, name := range Configs() {
		if strings.Contains(name, "SigLIP") {
			embedded++
		}
	}
	if embedded != len(siglipModels) {
		t.Errorf("%d of %d are embedded", embedded, len(siglipModels))
	}
}

// With attention pooling and without a class token.
func TestFLOPsOfSigLIPAreNearOpenCLIPsProfile(t *testing.T) {
	c, err := NamedConfig("ViT-B-16-SigLIP")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.FLOPs(c.Text.ContextLength)/1e9, 46.44; got < want*0.95 || got > want*1.05 {
		t.Errorf("%.2f GFLOPs, open_clip's profile has %.2f", got, want)
	}
}

// What a config says of its towers is accepted where it is kept and refused where it is not.
func TestSigLIPConfigsAreReadStrictly(t *testing.T) {
	const towers = `"vision_cfg": {"timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "map", "timm_proj": "none"VISION},
		"text_cfg": {"no_causal_mask": true, "pool_type": "last"TEXT}`
	for _, c := range []struct{ name, vision, text, unsupported, wrong string }{
		{"plain", "", "", "", ""},
		{"a tower that is not SigLIP's", `, "timm_model_name": "resnet50"`, "", "timm_model_name", ""},
		{"another pool", `, "timm_pool": "avg"`, "", "timm_pool", ""},
		{"a projection", `, "timm_proj": "linear"`, "", "timm_proj", ""},
		{"its weights from elsewhere", `, "timm_model_pretrained": true`, "", "timm_model_pretrained", ""},
		{"sizes that the name does not have", `, "layers": 3`, "", "", "has width 768, layers 12"},
		{"sizes of an unknown name",
			`, "timm_model_name": "mine", "image_size": 32, "patch_size": 8, "width": 768, "layers": 2, "head_width": 64`, "", "", ""},
		{"sizes missing", `, "timm_model_name": "mine", "image_size": 32, "patch_size": 8, "width": 768, "layers": 2`, "",
			"timm_model_name", ""},
		{"layer scale", `, "ls_init_value": 0.1`, "", "", "layer scale"},
		{"tanh", `, "act_kwargs": {"approximate": "tanh"}`, `, "act_kwargs": {"approximate": "tanh"}`, "", ""},
		{"no such approximation", "", `, "act_kwargs": {"approximate": "erf"}`, "", "text_cfg.act_kwargs.approximate"},
		{"another argument", "", `, "act_kwargs": {"inplace": true}`, "text_cfg.act_kwargs.inplace", ""},
		{"eps", "", `, "norm_kwargs": {"eps": 1e-6}`, "", ""},
		{"eps of nothing", "", `, "norm_kwargs": {"eps": 0}`, "", "text_cfg.norm_kwargs.eps"},
		{"pooled elsewhere", "", `, "pool_type": "eos"`, "", "text_cfg.pool_type"},
		{"nothing projects", "", `, "proj_type": "none", "width": 512`, "", "nothing projects it"},
	} {
		data := strings.NewReplacer("VISION", c.vision, "TEXT",
			c.text).Replace(`{"embed_dim": 768, "custom_text": true, "init_logit_bias": -10, ` + towers + "}")
		_, err := ParseConfig([]byte(data))
		var unsupported *UnsupportedError
		switch {
		case c.unsupported != "":
			if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), c.unsupported) {
				t.Errorf("%s: %v", c.name, err)
			}
		case c.wrong != "":
			if err == nil || errors.As(err, &unsupported) || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A checkpoint holds the config as it was read.
func TestSigLIPConfigsSurviveWriting(t *testing.T) {
	for _, want := range siglipModels {
		c, err := NamedConfig(want.name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig(data); err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%s: %v, %+v", want.name, err, again)
		}
	}
}
