package weights

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/internal/pickle"
	"clipgo/internal/safetensors"
	"clipgo/internal/sbert"
)

// Open opens a folder or a file of weights and recognizes its layout by its content. Weights that it can't use are an *Error.
func Open(path string) (*Checkpoint, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !st.IsDir():
		return openFile(path)
	case paths.Exists(filepath.Join(path, openCLIPConfig)):
		return openHub(path)
	case paths.Exists(filepath.Join(path, hfConfigFile)):
		return openByConfig(path)
	case paths.Exists(filepath.Join(path, sbert.File)):
		return openModules(path)
	}
	return nil, refuse(path, "%w: neither %s nor %s", ErrNoModel, openCLIPConfig, hfConfigFile)
}

// openModules opens the model in a folder of sentence-transformers', which is in a folder of its own.
func openModules(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, sbert.File)
	data, err := bounded.ReadFile(path, bounded.ModelConfig)
	if err != nil {
		return nil, err
	}
	folder, err := sbert.CLIPFolder(data)
	if err != nil {
		return nil, &Error{path, err}
	}
	inner := filepath.Join(dir, filepath.FromSlash(folder))
	if !paths.Exists(filepath.Join(inner, hfConfigFile)) {
		return nil, refuse(path, "it names the folder %q, which has no %s", folder, hfConfigFile)
	}
	c, err := openByConfig(inner)
	if err == nil {
		c.note("the model is in %s, as %s says", folder, sbert.File)
	}
	return c, err
}

// ErrNoModel reports a folder without any of a model's files.
var ErrNoModel = errors.New("holds no model")

// openHub opens a folder of open_clip's. A repository may also hold transformers' files; then model.safetensors is transformers'.
func openHub(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, openCLIPConfig)
	data, err := bounded.ReadFile(path, bounded.ModelConfig)
	if err != nil {
		return nil, err
	}
	return openHubConfig(dir, path, data)
}

// openHubConfig opens the weights of a folder with a hub config, which was read from path.
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

// openByConfig opens a folder by its config.json, which is transformers' or, under that name, open_clip's model config or hub config.
func openByConfig(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, hfConfigFile)
	data, err := bounded.ReadFile(path, bounded.ModelConfig)
	if err != nil {
		return nil, err
	}
	var probe struct {
		ModelType string          `json:"model_type"`
		EmbedDim  int             `json:"embed_dim"`
		Hub       json.RawMessage `json:"model_cfg"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, refuse(path, "%w", fault.JSON(err))
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

// openWeights opens the first of the given files that a folder has, and calls configure to add the configs.
func openWeights(dir string, files []string, configure func(*Checkpoint) error) (*Checkpoint, error) {
	for _, name := range files {
		path := filepath.Join(dir, name)
		if !paths.Exists(path) {
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

// openFile opens a bare file and recognizes its layout by its tensors' names.
func openFile(path string) (*Checkpoint, error) {
	f, err := openContainer(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, &Error{path, err}
	}
	c := &Checkpoint{File: path, Info: f.info, Notes: f.notes, close: f.Close}
	c.noteUnread(f.unread)
	src, err := c.part(f)
	if err == nil {
		err = c.recognize(src, f.class)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// noteUnread tells of values among the weights that only Python could make.
func (c *Checkpoint) noteUnread(unread map[string]string) {
	names := slices.Sorted(maps.Keys(unread))
	if len(names) == 0 {
		return
	}
	c.note("%d values among the weights are passed over, since only Python could make them, such as %.100q (%.100s)", len(names), names[0],
		unread[names[0]])
}

// recognize recognizes a file's layout by its tensors' names and renames them to open_clip's.
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

// container opens one file: safetensors if its name or its first bytes say so, otherwise PyTorch's.
func container(path string) (safetensors.Container, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // only nine bytes are read here; what opens the file again bounds it
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var start [9]byte
	if n, _ := f.ReadAt(start[:], 0); n == len(start) && start[8] == '{' || filepath.Ext(path) == ".safetensors" &&
		string(start[:2]) != "PK" {
		return opened(safetensors.Open(path))
	}
	return opened(pickle.Open(path))
}

// opened returns a nil interface for a nil pointer.
func opened[T safetensors.Container](c T, err error) (safetensors.Container, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// contents is an open file with the metadata that was saved with the weights.
type contents struct {
	safetensors.Container
	class  string // of a TorchScript module
	info   map[string]string
	notes  []string
	unread map[string]string
}

// openContainer opens a file, or the shards that an index names.
func openContainer(path string) (contents, error) {
	if strings.HasSuffix(path, ".index.json") {
		c, err := opened(safetensors.OpenSharded(path, container))
		return contents{Container: c}, err
	}
	c, err := container(path)
	switch f := c.(type) {
	case *pickle.File:
		return contents{f, f.Class(), f.Info(), f.Notes(), f.Unread()}, err
	case *safetensors.File:
		return contents{Container: f, info: f.Metadata()}, err
	}
	return contents{}, err
}
