package sbert

import (
	"path/filepath"
	"testing"
)

func TestTheFolderOfTheModelIsFound(t *testing.T) {
	for list, want := range map[string]string{
		`[{"path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]`:                                       "0_CLIPModel",
		`[{"path": "", "type": "sentence_transformers.sentence_transformer.modules.CLIPModel"}]`:                            ".",
		`[{"path": "a/", "type": "x.CLIPModel"}, {"path": "b", "type": "x.CLIPModel"}]`:                                     "a",
		`[{"path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}, {"path": "b", "type": "x.CLIPModel"}]`: "b",
	} {
		if got, err := CLIPFolder([]byte(list)); err != nil || got != want {
			t.Errorf("%s: %q, %v", list, got, err)
		}
	}
}

// No list leads out of its folder.
func FuzzCLIPFolder(f *testing.F) {
	f.Add([]byte(`[{"path": "0_CLIPModel", "type": "a.CLIPModel"}]`))
	f.Add([]byte(`[{"path": "a/../../b", "type": ".CLIPModel"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if folder, err := CLIPFolder(data); err == nil && !filepath.IsLocal(filepath.FromSlash(folder)) {
			t.Fatalf("%q", folder)
		}
	})
}
