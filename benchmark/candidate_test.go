package benchmark

import (
	"context"
	"testing"

	"clipgo/pretrained"
	"clipgo/vision/preprocess"
)

// TestAFingerprintCoversPicturesAndPrompts: models with the same weights are different ones if their folders or the settings show them
// other pictures, or if their prompts differ.
func TestAFingerprintCoversPicturesAndPrompts(t *testing.T) {
	print := func(change func(*pretrained.Settings, *pretrained.Source)) string {
		t.Helper()
		var o pretrained.Settings
		src := pretrained.Source{Preprocess: preprocess.Default()}
		change(&o, &src)
		o.Find = func(context.Context, string, string) (pretrained.Source, error) { return src, nil }
		m := &candidate{suite: &Suite{Settings: o}, name: "m"}
		digest, err := m.fingerprint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	seen := map[string]string{}
	for what, change := range map[string]func(*pretrained.Settings, *pretrained.Source){
		"nothing":   func(*pretrained.Settings, *pretrained.Source) {},
		"mean":      func(_ *pretrained.Settings, src *pretrained.Source) { src.Preprocess.Mean[0]++ },
		"templates": func(_ *pretrained.Settings, src *pretrained.Source) { src.Templates = []string{"a drawing of a {c}"} },
		"draft": func(o *pretrained.Settings, _ *pretrained.Source) {
			o.Adjust = func(c *preprocess.Config) { c.Draft = !c.Draft }
		},
		"orientation": func(o *pretrained.Settings, _ *pretrained.Source) { o.Upright = true },
	} {
		digest := print(change)
		if other, again := seen[digest]; again {
			t.Errorf("%s has the fingerprint of %s", what, other)
		}
		seen[digest] = what
	}
	if print(func(*pretrained.Settings, *pretrained.Source) {}) != print(func(*pretrained.Settings, *pretrained.Source) {}) {
		t.Error("a model has two fingerprints")
	}
}
