package weights

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// The files of transformers' folders.
const (
	hfConfigFile     = "config.json"
	preprocessorFile = "preprocessor_config.json"
	processorFile    = "processor_config.json" // of transformers 5, with all processors in it
)

// hfFiles are the names of weights in a folder of transformers', in order of preference.
var hfFiles = []string{plainWeights, "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}

// family is a kind of model with a class in transformers.
type family struct {
	modelType string // of config.json
	layout    Layout
	table     []row
	mark      string // a name that only this family's weights have

	model      func(hfConfig) (json.RawMessage, error)                // model_cfg
	preprocess func(p hfProcessor, size int) (json.RawMessage, error) // preprocess_cfg

	holds  func(model json.RawMessage) bool       // a model_cfg of this family
	export func(b Bundle) (map[string]any, error) // transformers' configs by the name of their file
}

// families lists the families that clipgo reads and writes.
func families() []family {
	return []family{
		{"clip", HFCLIP, hfCLIP, "vision_model.pre_layrnorm.weight", hfCLIPModel, hfCLIPPreprocess, isCLIP, exportCLIP},
		{"siglip", HFSigLIP, hfSigLIP, "vision_model.head.probe", hfSigLIPModel, hfSigLIPPreprocess, isSigLIP, exportSigLIP},
	}
}

// hfTable finds the table for a file by its tensors' names.
func hfTable(src Set) ([]row, Layout, bool) {
	for _, f := range families() {
		if _, ok := src.Tensor(f.mark); ok {
			return f.table, f.layout, true
		}
	}
	return nil, "", false
}

// openHF opens a folder of transformers'.
func openHF(dir, path string, data []byte) (*Checkpoint, error) {
	var config hfConfig
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, refuse(path, "%w", fault.JSON(err))
	}
	var known []string
	for _, f := range families() {
		if f.modelType == config.ModelType {
			return openWeights(dir, hfFiles, func(c *Checkpoint) error { return c.configure(f, config) })
		}
		known = append(known, f.modelType)
	}
	return nil, refuse(path, "model_type: %q is not supported; %s are", config.ModelType, strings.Join(known, ", "))
}

// configure converts the configs of a folder of transformers' to open_clip's.
func (c *Checkpoint) configure(f family, config hfConfig) (err error) {
	if config.ProjectionDim == 0 {
		config.ProjectionDim = 512
	}
	if c.Model, err = f.model(config); err != nil {
		return err
	}
	var m modelConfig
	if err := json.Unmarshal(c.Model, &m); err != nil {
		return err
	}
	c.Layout = f.layout
	p, found, err := c.processor()
	if err != nil {
		return err
	}
	if !found {
		c.note("no %s: pictures are prepared as the family's are by default", preprocessorFile)
		p.CropSize.Shortest, p.Size.Shortest = m.Vision.ImageSize, m.Vision.ImageSize
	}
	if c.Preprocess, err = f.preprocess(p, m.Vision.ImageSize); err != nil {
		return refuse(preprocessorFile, "%w", err)
	}
	return nil
}

// processor reads the preprocessor config.
func (c *Checkpoint) processor() (p hfProcessor, found bool, err error) {
	data, err := bounded.ReadFile(filepath.Join(c.Dir, preprocessorFile), bounded.ModelConfig)
	if err == nil {
		if err := json.Unmarshal(data, &p); err != nil {
			return p, true, refuse(preprocessorFile, "%w", fault.JSON(err))
		}
		return p, true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return p, false, err
	}
	data, err = bounded.ReadFile(filepath.Join(c.Dir, processorFile), bounded.ModelConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	var whole struct {
		Image *hfProcessor `json:"image_processor"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		return p, true, refuse(processorFile, "%w", fault.JSON(err))
	}
	if whole.Image == nil {
		return p, false, nil
	}
	return *whole.Image, true, nil
}
