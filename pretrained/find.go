package pretrained

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/model"
	"clipgo/training"
	"clipgo/vision/preprocess"
	"clipgo/weights"
)

// The files of a model folder in open_clip's hub layout.
const (
	ModelConfigFile = "open_clip_config.json"
	WeightsFile     = "model.safetensors"
	RunFile         = "run.json"
	CheckpointsDir  = "checkpoints"
)

// HeadsFile is the file of a checkpoint that holds the reward head and the value head.
const HeadsFile = "heads.safetensors"

// Source is what a model's name leads to: a config, and weights where there are any.
type Source struct {
	Name       string // as the user wrote it
	Config     model.Config
	Preprocess preprocess.Config
	Weights    string         // path of a file, or of the index of several; empty: fresh weights
	Layout     weights.Layout // of the weights
	Dir        string         // the folder, in which the tokenizer's files are too; empty for a config or a bare file
	Checkpoint string         // clipgo's own checkpoint directory; empty elsewhere
	Templates  []string
	Notes      []string // what was passed over on the way or inferred, for a warning
}

// Find decides by content what a name means on this machine; Hub.Find looks at the hub as well.
func Find(name, pretrained string) (Source, error) {
	src := Source{Name: name, Preprocess: preprocess.Default()}
	if name == "" {
		return src, fault.Setting("model", "missing: a run directory, a checkpoint, a config name or file")
	}
	name, err := bestOf(name)
	if err != nil {
		return src, err
	}
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir() && filepath.Base(name) == BestLink:
		err = src.fromBest(name)
	case err == nil && st.IsDir():
		err = src.fromDir(name)
	case err == nil && filepath.Ext(name) == ".json":
		err = src.fromConfigFile(name)
	case err == nil:
		err = src.fromWeightsFile(name)
	case looksLikePath(name):
		return src, missing(name, err)
	default:
		src.Config, err = model.NamedConfig(name)
		src.Preprocess = src.Config.Preprocess()
	}
	if err != nil || pretrained == "" {
		return src, err
	}
	return src, src.use(pretrained)
}

func looksLikePath(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || filepath.Ext(name) == ".json" || strings.HasPrefix(name, ".")
}

func (src *Source) fromDir(dir string) error {
	switch {
	case paths.Exists(filepath.Join(dir, CheckpointsDir)):
		return src.fromRun(dir)
	// a checkpoint that is named itself
	case paths.Exists(filepath.Join(dir, durable.Manifest)) && paths.Exists(filepath.Join(dir, RunFile)):
		if err := durable.Verify(dir); err != nil {
			return fault.Modelf(dir, "%s", err.Error())
		}
	case paths.Exists(filepath.Join(dir, durable.Manifest)):
		if err := verifyFolder(dir, smallFile); err != nil {
			return err
		}
	case configOnly(dir):
		return src.fromConfigFile(filepath.Join(dir, "config.json"))
	}
	return src.fromFolder(dir)
}

// configOnly tells a folder that holds a model config and no weights.
func configOnly(dir string) bool {
	var probe struct {
		EmbedDim int `json:"embed_dim"`
	}
	data, err := bounded.ReadFile(filepath.Join(dir, "config.json"), bounded.ModelConfig)
	return err == nil && json.Unmarshal(data, &probe) == nil && probe.EmbedDim > 0 && !paths.Exists(filepath.Join(dir, WeightsFile))
}

// fromRun takes a run's newest checkpoint that verifies.
func (src *Source) fromRun(dir string) error {
	path, damaged, err := training.Latest(filepath.Join(dir, CheckpointsDir))
	for _, d := range damaged {
		src.Notes = append(src.Notes, fmt.Sprintf("skipped a damaged checkpoint: %v", d))
	}
	if errors.Is(err, training.ErrNoCheckpoint) {
		return fault.Modelf(dir, "the run has no checkpoint yet")
	}
	if err != nil {
		return err
	}
	return src.fromFolder(path)
}

func (src *Source) fromConfigFile(path string) error {
	data, err := bounded.ReadFile(path, bounded.Settings)
	if err != nil {
		return err
	}
	src.Config, err = model.ParseConfig(data)
	switch {
	case isUnsupported(err):
		return fmt.Errorf("%s: %w", path, err)
	case err != nil:
		return fault.Usagef("%s: %v", path, err)
	}
	src.Preprocess = src.Config.Preprocess()
	return nil
}

// Build makes the model with the weights found, or with fresh ones of a seed, in memory of its own. Its owner calls Free.
func (src *Source) Build(ctx context.Context, at model.Placement, seed uint64) (*model.Model, error) {
	m, err := src.Open(ctx, at, seed)
	if err != nil {
		return nil, err
	}
	m.Preprocess = src.Preprocess
	return m, nil
}
