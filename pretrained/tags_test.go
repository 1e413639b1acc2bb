package pretrained

import (
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/model"
)

func TestTagsAreModelsOfTheHub(t *testing.T) {
	lines := strings.Fields(tagList)
	if len(lines)%3 != 0 || len(lines) < 300 {
		t.Fatalf("%d words", len(lines))
	}
	for i := 0; i < len(lines); i += 3 {
		if _, err := model.NamedConfig(lines[i]); err != nil {
			t.Error(err)
		}
		if _, _, err := hub.Parse(hub.Scheme + lines[i+2]); err != nil {
			t.Error(err)
		}
	}
	got, err := tagged("ViT-B-32", "openai")
	if err != nil || got != "hf-hub:timm/vit_base_patch32_clip_224.openai" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsNoTagIsExplained(t *testing.T) {
	for _, c := range []struct{ name, pretrained, want string }{
		{"ViT-B-32", "opneai", "did you mean openai?"},
		{"ViT-B-16", "laion400m", "its tags are"},
		{"ViT-S-32", "openai", "no weights for ViT-S-32"},
	} {
		if got, err := tagged(c.name, c.pretrained); got != "" || fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %q, %v", c.name, c.pretrained, got, err)
		}
	}
	for _, path := range []string{"", "weights.pt", "dir/openai", "/openai", "hf-hub:org/model"} {
		if got, err := tagged("ViT-B-32", path); got != "" || err != nil {
			t.Errorf("%q is a path: %q, %v", path, got, err)
		}
	}
	if got, err := tagged("runs/mine", "openai"); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRepositoriesOfTheHubAreSuggested(t *testing.T) {
	for name, want := range map[string]bool{
		"openai/clip-vit-base-patch32": true, "./mine/model": false, "a/b/c": false, "runs/mine": true, "../none": false,
	} {
		_, err := Find(name, "")
		if fault.Of(err) != fault.Usage || strings.Contains(err.Error(), "did you mean hf-hub:"+name+"?") != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrecisionsHaveOpenCLIPsNames(t *testing.T) {
	for name, want := range map[string]string{
		"auto": "", "fp32": "", "bf16": "", "amp_bf16": "", "amp_bfloat16": "", "amp": "float16", "fp16": "float16",
		"pure_bf16": "amp_bf16", "fp8": "none of auto, fp32, bf16",
	} {
		err := Machine{Device: "cpu", Precision: name}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := (Machine{Precision: "amp_bf16"}).precision(); got != "bf16" {
		t.Errorf("amp_bf16 is %s", got)
	}
}
