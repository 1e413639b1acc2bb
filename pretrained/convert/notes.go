package convert

import (
	"fmt"

	"clipgo/pretrained"
	"clipgo/vision/timm"
)

// openCLIPNotes says what open_clip will compute otherwise: it builds timm's tower by its name alone and passes over the
// GELU and the sizes that the config gives beside it.
func openCLIPNotes(src pretrained.Source) []string {
	v := src.Config.Vision
	if v.TimmModelName == "" {
		return nil
	}
	t, known := timm.Named(v.TimmModelName)
	switch {
	case !known:
		return []string{fmt.Sprintf("timm has no %s: open_clip needs a model registered under that name", v.TimmModelName)}
	case v.ActKwargs != nil && v.ActKwargs.Approximate != t.GELU:
		return []string{fmt.Sprintf("GELU in the image tower: %s here, %s in timm's %s, so open_clip's features of pictures differ in "+
			"the fourth digit",
			geluName(v.ActKwargs.Approximate), geluName(t.GELU), t.Name)}
	case v.ImageSize != t.ImageSize:
		return []string{fmt.Sprintf("pictures of %d pixels: timm's %s takes %d, and open_clip will refuse the position table",
			v.ImageSize, t.Name, t.ImageSize)}
	default:
		return nil
	}
}

func geluName(approximate string) string {
	if approximate == "tanh" {
		return "the tanh form"
	}
	return "exact"
}
