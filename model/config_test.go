package model

import (
	"errors"
	"strings"
	"testing"

	"clipgo/internal/config"
	"clipgo/text"
	"clipgo/vision"
)

// totals are what open_clip 3.3.0 itself counts.
var totals = map[string]int64{
	"ViT-S-32-alt": 43_224_449, "ViT-S-32": 63_085_825, "ViT-S-16-alt": 42_396_161, "ViT-S-16": 62_257_537,
	"ViT-M-32-alt": 80_070_273, "ViT-M-32": 103_119_873, "ViT-M-16": 102_015_489,
	"ViT-B-32": 151_277_313, "ViT-B-32-256": 151_288_833, "ViT-B-16": 149_620_737, "ViT-B-16-plus-240": 208_377_345,
	"ViT-L-16": 427_739_393, "ViT-L-14": 427_616_513, "ViT-L-14-336": 427_944_193,
	"ViT-H-14": 986_109_441, "ViT-g-14": 1_366_678_273, "ViT-bigG-14": 2_539_567_105,
}

func TestParameterTotalsAreOpenCLIPs(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Configs() {
		if strings.Contains(name, "SigLIP") || strings.HasPrefix(name, "coca_") {
			continue // TestSigLIPsAreOpenCLIPs, TestCoCaTotalsAreOpenCLIPs
		}
		t.Run(name, func(t *testing.T) {
			c, err := NamedConfig(name)
			if err != nil {
				t.Fatal(err)
			}
			m := Declare(c) // allocates no parameters
			if got, want := m.ParameterCount(), countByHand(c); got != want {
				t.Errorf("%d parameters, the shapes give %d", got, want)
			}
			plain := strings.TrimSuffix(name, "-quickgelu")
			seen[plain] = true
			if want, ok := totals[plain]; ok && m.ParameterCount() != want {
				t.Errorf("%d parameters, open_clip has %d", m.ParameterCount(), want)
			}
			if c.QuickGELU != strings.HasSuffix(name, "-quickgelu") {
				t.Errorf("quick_gelu is %v", c.QuickGELU)
			}
			if got, want := m.VisionParameterCount(), visionByHand(c.Vision, c.EmbedDim); got != want {
				t.Errorf("%d parameters in the image tower, the shapes give %d", got, want)
			}
		})
	}
	for name := range totals {
		if !seen[name] {
			t.Errorf("%s is not embedded", name)
		}
	}
}

func countByHand(c Config) int64 {
	w, l := int64(c.Text.Width), int64(c.Text.Layers)
	words := int64(c.Text.VocabSize+c.Text.ContextLength)*w + l*blockByHand(w, c.Text.MLPRatio) + 2*w + w*int64(c.EmbedDim)
	return visionByHand(c.Vision, c.EmbedDim) + words + 1
}

func visionByHand(v vision.Config, embed int) int64 {
	w, p, grid := int64(v.Width), int64(v.PatchSize), int64(v.ImageSize/v.PatchSize)
	block := blockByHand(w, v.MLPRatio)
	if v.LSInitValue != nil {
		block += 2 * w // layer scale behind attention and MLP
	}
	return w + (grid*grid+1)*w + 3*p*p*w + 4*w + int64(v.Layers)*block + w*int64(embed)
}

// blockByHand: two norms, the packed and the outer projection, two layers of the MLP.
func blockByHand(w int64, ratio float64) int64 {
	m := int64(float64(w) * ratio)
	return 4*w + 3*w*w + 3*w + w*w + w + w*m + m + m*w + w
}

func TestUnknownNamesGetASuggestion(t *testing.T) {
	_, err := NamedConfig("ViT-B-23")
	var unknown *UnknownModelError
	if !errors.As(err, &unknown) || !strings.HasPrefix(unknown.Nearest, "ViT-B-") || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("got %v", err)
	}
	if _, err := NamedConfig("something else entirely"); err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("got %v", err)
	}
}

func TestConfigsAreReadStrictly(t *testing.T) {
	const vision, text = `"vision_cfg": {"patch_size": 32}`, `"text_cfg": {"width": 512}`
	for _, c := range []struct {
		name, json  string
		unsupported bool
		want        string
	}{
		{"a typing error", `{"embed_dim": 4, "vision_cfg": {"patchsize": 32}, ` + text + `}`, false, "patch_size"},
		{"at the top", `{"embed_dims": 4, ` + vision + `, ` + text + `}`, false, "embed_dim"},
		{"of open_clip's alone", `{"embed_dim": 4, "vision_cfg": {"timm_model_name": "vit"}, ` + text + `}`, true, "timm_model_name"},
		{"another tower", `{"embed_dim": 4, ` + vision + `, "text_cfg": {"hf_model_name": "x"}}`, true, "hf_model_name"},
		{"no tower", `{"embed_dim": 4, ` + vision + `}`, false, "text_cfg is missing"},
		{"not positive", `{"embed_dim": 0, ` + vision + `, ` + text + `}`, false, "embed_dim: 0"},
		{"a word for a number", `{"embed_dim": "x", ` + vision + `, ` + text + `}`, false, "embed_dim"},
		{"not JSON", `{`, false, "model config"},
	} {
		_, err := ParseConfig([]byte(c.json))
		var unsupported *UnsupportedError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &unsupported) != c.unsupported {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var unknown *config.UnknownKeyError
	if _, err := ParseConfig([]byte(`{"embed_dim": 4, "vision_cfg": {"patchsize": 32}, ` + text + `}`)); !errors.As(err, &unknown) {
		t.Errorf("got %v, want an *UnknownKeyError", err)
	}
	if _, err := ParseConfig([]byte(`{"embed_dim": 4, "custom_text": false, "vision_cfg": {"timm_model_name": null}, ` + text +
		`}`)); err != nil {
		t.Errorf("what says that it is not used is refused: %v", err)
	}
}

func TestDefaultsAreOpenCLIPs(t *testing.T) {
	c, err := ParseConfig([]byte(`{"embed_dim": 512, "vision_cfg": {}, "text_cfg": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Vision != vision.Default() || c.Text != text.Default() || c.QuickGELU {
		t.Errorf("got %+v", c)
	}
	if got := c.initLogitScale(); got < 2.65926 || got > 2.65927 {
		t.Errorf("logit_scale begins at %g, want ln(1/0.07)", got)
	}
}

// Counts of open_clip's model_profile.csv, in GFLOPs: it counts a multiplication and an addition as one.
func TestFLOPsAreNearOpenCLIPsProfile(t *testing.T) {
	for name, want := range map[string]float64{"ViT-S-32": 5.66, "ViT-B-32": 14.78, "ViT-B-16": 41.09, "ViT-L-14": 175.33,
		"ViT-H-14": 381.68} {
		c, err := NamedConfig(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.FLOPs(c.Text.ContextLength) / 1e9; got < want*0.95 || got > want*1.05 {
			t.Errorf("%s: %.2f GFLOPs, open_clip's profile has %.2f", name, got, want)
		}
	}
}
