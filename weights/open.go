package weights

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/pickle"
	"clipgo/internal/safetensors"
)

// Open opens a folder or a file of weights and decides by its content what it is. What it refuses is an *Error.
func Open(path string) (*Checkpoint, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !st.IsDir():
		return openFile(path)
	case exists(filepath.Join(path, openCLIPConfig)):
		return openHub(path)
	case exists(filepath.Join(path, hfConfigFile)):
		return openByConfig(path)
	}
	return nil, refuse(path, "%w: neither %s nor %s", ErrNoModel, openCLIPConfig, hfConfigFile)
}

// ErrNoModel is a folder that has nothing to do with models.
var ErrNoModel = errors.New("holds no model")

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openHub opens a folder of open_clip's. A repository may hold transformers' files beside open_clip's: then
// model.safetensors is transformers'.
func openHub(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, openCLIPConfig)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return openHubConfig(dir, path, data)
}

// openHubConfig opens the weights of a folder beside a hub config, which was read from path.
func openHubConfig(dir, path string, data []byte) (*Checkpoint, error) {
	model, preprocess, err := openCLIPParts(path, data)
	if err != nil {
		return nil, err
	}
	return openWeights(dir, openCLIPFiles, func(c *Checkpoint) error {
		c.Model, c.Preprocess = model, preprocess
		return nil
	})
}

// openByConfig opens a folder by its config.json: transformers', or open_clip's model config or hub config under that name.
func openByConfig(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, hfConfigFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var probe struct {
		ModelType string          `json:"model_type"`
		EmbedDim  int             `json:"embed_dim"`
		Hub       json.RawMessage `json:"model_cfg"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, refuse(path, "not JSON: %w", err)
	}
	switch {
	case probe.ModelType != "":
		return openHF(dir, path, data)
	case probe.Hub != nil:
		return openHubConfig(dir, path, data)
	case probe.EmbedDim > 0:
		return openWeights(dir, openCLIPFiles, func(c *Checkpoint) error {
			c.Model = data
			return nil
		})
	}
	return nil, refuse(path, "is neither transformers' (no model_type) nor open_clip's (no embed_dim)")
}

// openWeights opens the first of the files that a folder has, and lets configure complete what was found.
func openWeights(dir string, files []string, configure func(*Checkpoint) error) (*Checkpoint, error) {
	for _, name := range files {
		path := filepath.Join(dir, name)
		if !exists(path) {
			continue
		}
		c, err := openFile(path)
		if err != nil {
			return nil, err
		}
		c.Dir = dir
		if err := configure(c); err != nil {
			return nil, errors.Join(&Error{dir, err}, c.Close())
		}
		return c, nil
	}
	return nil, refuse(dir, "holds no weights: none of %s", strings.Join(files, ", "))
}

// openFile opens a bare file and tells its layout by its names.
func openFile(path string) (*Checkpoint, error) {
	src, class, info, err := openContainer(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, &Error{path, err}
	}
	c := &Checkpoint{File: path, Info: info, close: src.Close}
	if err := c.recognize(src, class); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return c, nil
}

// recognize tells a file's layout by its names and shows it under open_clip's.
func (c *Checkpoint) recognize(src Set, class string) (err error) {
	if table, layout, ok := hfTable(src); ok {
		c.Layout, c.Set = layout, toOurs(table, src)
		return nil
	}
	c.Layout = OpenCLIP
	c.Set, c.Buffers, err = openCLIPSet(c.File, src)
	if err == nil && class != "" {
		err = c.openAI()
	}
	return err
}

// container opens one file: what begins like a zip archive, or like a pickle, is PyTorch's, and all else safetensors.
func container(path string) (safetensors.Container, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var magic [2]byte
	if n, _ := f.ReadAt(magic[:], 0); n == 2 && (string(magic[:]) == "PK" || magic[0] == 0x80 && filepath.Ext(path) != ".safetensors") {
		return opened(pickle.Open(path))
	}
	return opened(safetensors.Open(path))
}

// opened makes no container of a nil pointer.
func opened[T safetensors.Container](c T, err error) (safetensors.Container, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// openContainer opens a file, or the files that an index names, with what stands beside the weights.
func openContainer(path string) (src safetensors.Container, class string, info map[string]string, err error) {
	if strings.HasSuffix(path, ".index.json") {
		src, err = opened(safetensors.OpenSharded(path, container))
		return src, "", nil, err
	}
	src, err = container(path)
	switch f := src.(type) {
	case *pickle.File:
		return src, f.Class(), f.Info(), err
	case *safetensors.File:
		return src, "", f.Metadata(), err
	}
	return src, "", nil, err
}
