package model

import (
	"errors"
	"strings"
	"testing"
)

// What open_clip 3.3.0 itself counts: all, and in the image tower.
var cocaTotals = map[string][2]int64{
	"coca_ViT-B-32": {253_560_065, 89_164_032},
	"coca_ViT-L-14": {638_450_177, 306_724_864},
}

func TestCoCaTotalsAreOpenCLIPs(t *testing.T) {
	for name, want := range cocaTotals {
		c, err := NamedConfig(name)
		if err != nil {
			t.Fatal(err)
		}
		m := Declare(c) // allocates no parameters
		if got := [2]int64{m.ParameterCount(), m.VisionParameterCount()}; got != want {
			t.Errorf("%s: %v parameters, open_clip has %v", name, got, want)
		}
	}
}

func TestADecoderNeedsItsTowers(t *testing.T) {
	valid, err := configFiles.ReadFile("configs/coca_ViT-B-32.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no pooler", `"attentional_pool": true`, `"attentional_pool": false`, "attentional_pool"},
		{"no class token", `"embed_cls": true`, `"embed_cls": false`, "embed_cls"},
		{"another width", `"embed_dim": 512`, `"embed_dim": 256`, "all three are one"},
		{"open_clip's untried pooler", `"attentional_pool": true`, `"attentional_pool": "parallel"`, "vision_cfg.attentional_pool"},
		{"no tower of its own", `"custom_text": true`, `"custom_text": false`, "custom_text"},
		{"an unknown key", `"attn_pooler_heads": 8
    },
    "custom_text"`, `"attn_poller": 8
    },
    "custom_text"`, "multimodal_cfg.attn_poller"},
	} {
		changed := strings.Replace(string(valid), c.old, c.new, 1)
		if changed == string(valid) {
			t.Fatalf("%s: the config has no %s", c.name, c.old)
		}
		if _, err := ParseConfig([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something about %s", c.name, err, c.want)
		}
	}
	c, err := ParseConfig(valid)
	if err != nil {
		t.Fatal(err)
	}
	c.Multimodal = nil
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "output_tokens") {
		t.Errorf("tokens for no decoder: %v", err)
	}
	var unsupported *UnsupportedError
	_, err = ParseConfig([]byte(strings.Replace(string(valid), "true", `"cascade"`, 1)))
	if !errors.As(err, &unsupported) {
		t.Errorf("cascade: %v", err)
	}
}
