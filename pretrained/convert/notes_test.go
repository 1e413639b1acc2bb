package convert

import (
	"strings"
	"testing"

	"clipgo/internal/nn"
	"clipgo/model"
	"clipgo/pretrained"
)

// What open_clip would compute otherwise is said when a folder is written for it.
func TestOpenCLIPsOwnWaysAreNoted(t *testing.T) {
	for _, c := range []struct {
		change func(src *pretrained.Source)
		want   string
	}{
		{func(*pretrained.Source) {}, ""},
		{func(src *pretrained.Source) { src.Config.Vision.ActKwargs = &nn.ActKwargs{Approximate: "none"} }, ""},
		{func(src *pretrained.Source) { src.Config.Vision.ActKwargs = &nn.ActKwargs{Approximate: "tanh"} },
			"the tanh form here, exact in timm's"},
		{func(src *pretrained.Source) { src.Config.Vision.ImageSize = 256 }, "pictures of 256 pixels"},
		{func(src *pretrained.Source) { src.Config.Vision.TimmModelName = "mine" }, "timm has no mine"},
	} {
		config, err := model.NamedConfig("ViT-B-16-SigLIP")
		if err != nil {
			t.Fatal(err)
		}
		src := &pretrained.Source{Config: config}
		c.change(src)
		notes := strings.Join(openCLIPNotes(*src), "; ")
		if (c.want == "") != (notes == "") || !strings.Contains(notes, c.want) {
			t.Errorf("%q, want %q", notes, c.want)
		}
	}
}
