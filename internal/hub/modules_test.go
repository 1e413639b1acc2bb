package hub

import (
	"os"
	"path/filepath"
	"testing"
)

// sentence is a repository of sentence-transformers: the CLIP model is in a folder of its own.
func sentence() map[string][]byte {
	return map[string][]byte{
		"modules.json":                         []byte(`[{"path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]`),
		"config_sentence_transformers.json":    []byte(`{}`),
		"0_CLIPModel/config.json":              []byte(`{"model_type": "clip"}`),
		"0_CLIPModel/preprocessor_config.json": []byte(`{}`),
		"0_CLIPModel/vocab.json":               []byte(`{}`),
		"0_CLIPModel/model.safetensors":        []byte("weights"),
		"0_CLIPModel/pytorch_model.bin":        []byte("a pickle that nobody wants"),
		"onnx/model.onnx":                      []byte("unused"),
	}
}

func TestModelsOfSentenceTransformersComeFromTheirFolder(t *testing.T) {
	h := newHub(t, sentence())
	c, _ := h.client(t)
	dir, err := c.Snapshot(t.Context(), testRepo, "main")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"modules.json", "0_CLIPModel/config.json", "0_CLIPModel/vocab.json", "0_CLIPModel/model.safetensors"} {
		holds(t, dir, name, h.files[name])
	}
	if found, _ := os.ReadDir(filepath.Join(dir, "0_CLIPModel")); len(found) != 4 {
		t.Errorf("%d files, want 4", len(found))
	}
	c.Offline = true
	if again, err := c.Snapshot(t.Context(), testRepo, "main"); err != nil || again != dir {
		t.Errorf("offline: %s, %v", again, err)
	}
	if err := os.Remove(filepath.Join(dir, "0_CLIPModel", "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "no weights")
}

func TestShardsInAFolderOfSentenceTransformers(t *testing.T) {
	files := sentence()
	delete(files, "0_CLIPModel/model.safetensors")
	files["0_CLIPModel/model.safetensors.index.json"] = []byte(`{"weight_map": {"a": "model-00001-of-00001.safetensors"}}`)
	files["0_CLIPModel/model-00001-of-00001.safetensors"] = []byte("one")
	h := newHub(t, files)
	c, _ := h.client(t)
	dir, err := c.Snapshot(t.Context(), testRepo, "main")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "0_CLIPModel/model-00001-of-00001.safetensors", []byte("one"))
}

func TestModulesThatNameNoModelAreRefused(t *testing.T) {
	for list, want := range map[string]string{
		`[{"path": "../../evil", "type": "a.CLIPModel"}]`: "not a folder beside it",
		`[{"path": "2_Dense", "type": "a.CLIPModel"}]`:    "holds no weights",
		`[{"path": "", "type": "a.Transformer"}]`:         "none of its modules is a CLIPModel",
		`{}`: "not a list of modules",
	} {
		files := sentence()
		files["modules.json"] = []byte(list)
		h := newHub(t, files)
		c, _ := h.client(t)
		_, err := c.Snapshot(t.Context(), testRepo, "main")
		complains(t, err, want)
	}
}
