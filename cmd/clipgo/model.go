package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/contrastive"
	"clipgo/internal/durable"
	"clipgo/text/bpe"
	"clipgo/training"
	"clipgo/vision/preprocess"
)

// The files of a model folder in open_clip's hub layout.
const (
	modelConfigFile = "open_clip_config.json"
	weightsFile     = "model.safetensors"
	runFile         = "run.json"
	checkpointsDir  = "checkpoints"
)

// modelSource is where --model leads: a config, and weights where there are any.
type modelSource struct {
	Name       string // as the user wrote it
	Config     contrastive.Config
	Preprocess preprocess.Config
	Weights    string // path of a safetensors file; empty: fresh weights
	Checkpoint string // clipgo's own checkpoint directory; empty elsewhere
	Templates  []string
	Notes      []string // what was passed over on the way, for a warning
}

// hubConfig is open_clip_config.json.
type hubConfig struct {
	Model      json.RawMessage `json:"model_cfg"`
	Preprocess json.RawMessage `json:"preprocess_cfg"`
}

// findModel decides by content what --model is.
func findModel(name, pretrained string) (modelSource, error) {
	src := modelSource{Name: name, Preprocess: preprocess.Default()}
	if name == "" {
		return src, usagef("--model is missing: a run directory, a checkpoint, a config name or file")
	}
	if strings.HasPrefix(name, "hf-hub:") {
		return src, &modelError{name, "downloading from the hub is not supported yet; give a folder"}
	}
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		err = src.fromDir(name)
	case err == nil:
		err = src.fromConfigFile(name)
	case looksLikePath(name):
		return src, fmt.Errorf("--model: %w", err)
	default:
		src.Config, err = contrastive.NamedConfig(name)
		src.Preprocess.Size = src.Config.Vision.ImageSize
	}
	if err != nil || pretrained == "" {
		return src, err
	}
	return src, src.use(pretrained)
}

func looksLikePath(name string) bool {
	return strings.ContainsRune(name, filepath.Separator) || filepath.Ext(name) == ".json" || strings.HasPrefix(name, ".")
}

// use takes the weights of --pretrained.
func (src *modelSource) use(pretrained string) error {
	if _, err := os.Stat(pretrained); err != nil {
		return fmt.Errorf("--pretrained: %w", err)
	}
	if ext := filepath.Ext(pretrained); ext != ".safetensors" {
		return &modelError{pretrained, fmt.Sprintf("%s weights are not supported yet; .safetensors are", ext)}
	}
	src.Weights = pretrained
	return nil
}

func (src *modelSource) fromDir(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, checkpointsDir)); err == nil {
		return src.fromRun(dir)
	}
	if exists(filepath.Join(dir, durable.Manifest)) { // a checkpoint that is named itself
		if err := durable.Verify(dir); err != nil {
			return &modelError{dir, err.Error()}
		}
	}
	if exists(filepath.Join(dir, modelConfigFile)) {
		return src.fromHub(dir)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "config.json")); err == nil {
		var probe struct {
			ModelType string `json:"model_type"`
			EmbedDim  int    `json:"embed_dim"`
		}
		switch {
		case json.Unmarshal(data, &probe) != nil:
			return &modelError{filepath.Join(dir, "config.json"), "not JSON"}
		case probe.ModelType != "":
			return &modelError{dir, "Hugging Face's format is not supported yet"}
		case probe.EmbedDim > 0:
			return src.fromPlain(dir, data)
		}
	}
	return &modelError{dir, "holds no model: no " + checkpointsDir + "/, " + modelConfigFile + " or config.json"}
}

// fromRun takes a run's newest checkpoint that verifies.
func (src *modelSource) fromRun(dir string) error {
	path, damaged, err := training.Latest(filepath.Join(dir, checkpointsDir))
	for _, d := range damaged {
		src.Notes = append(src.Notes, fmt.Sprintf("passed over a damaged checkpoint: %v", d))
	}
	if errors.Is(err, training.ErrNoCheckpoint) {
		return &modelError{dir, "the run has no checkpoint yet"}
	}
	if err != nil {
		return err
	}
	return src.fromHub(path)
}

// fromHub reads open_clip's hub layout, which a checkpoint of clipgo's has too.
func (src *modelSource) fromHub(dir string) error {
	path := filepath.Join(dir, modelConfigFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var hub hubConfig
	if err := json.Unmarshal(data, &hub); err != nil {
		return &modelError{path, "not JSON: " + err.Error()}
	}
	if hub.Model == nil {
		return &modelError{path, "has no model_cfg"}
	}
	if src.Config, err = contrastive.ParseConfig(hub.Model); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	src.Preprocess.Size = src.Config.Vision.ImageSize
	if hub.Preprocess != nil {
		if err := src.readPreprocess(path, hub.Preprocess); err != nil {
			return err
		}
	}
	src.Weights = filepath.Join(dir, weightsFile)
	if _, err := os.Stat(src.Weights); errors.Is(err, fs.ErrNotExist) {
		return &modelError{dir, "has no " + weightsFile}
	}
	src.recipeOf(dir)
	return nil
}

// recipeOf takes what a checkpoint's run says of prompts.
func (src *modelSource) recipeOf(dir string) {
	data, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		return
	}
	var r struct {
		Templates []string `json:"templates"`
	}
	if json.Unmarshal(data, &r) == nil {
		src.Checkpoint, src.Templates = dir, r.Templates
	}
}

func (src *modelSource) readPreprocess(path string, data []byte) error {
	// open_clip writes the size as a number or as a pair.
	var pair struct {
		Size []int `json:"size"`
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return &modelError{path, "preprocess_cfg: " + err.Error()}
	}
	if json.Unmarshal(data, &pair) == nil && len(pair.Size) == 2 {
		if pair.Size[0] != pair.Size[1] {
			return &modelError{path, fmt.Sprintf("preprocess_cfg.size: %v is not square", pair.Size)}
		}
		fields["size"], _ = json.Marshal(pair.Size[0])
		data, _ = json.Marshal(fields)
	}
	if err := json.Unmarshal(data, &src.Preprocess); err != nil {
		return &modelError{path, "preprocess_cfg: " + err.Error()}
	}
	if err := src.Preprocess.Validate(); err != nil {
		return &modelError{path, "preprocess_cfg: " + err.Error()}
	}
	return nil
}

func (src *modelSource) fromPlain(dir string, data []byte) (err error) {
	if src.Config, err = contrastive.ParseConfig(data); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, "config.json"), err)
	}
	src.Preprocess.Size = src.Config.Vision.ImageSize
	if weights := filepath.Join(dir, weightsFile); exists(weights) {
		src.Weights = weights
	}
	return nil
}

func (src *modelSource) fromConfigFile(path string) error {
	if filepath.Ext(path) != ".json" {
		return &modelError{path, "not a model config (.json); weights go with --pretrained"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if src.Config, err = contrastive.ParseConfig(data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	src.Preprocess.Size = src.Config.Vision.ImageSize
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// build makes the model; its owner calls Free.
func (src *modelSource) build(ctx context.Context, at contrastive.Placement, seed uint64) (*contrastive.Model, error) {
	var m *contrastive.Model
	var err error
	if src.Weights == "" {
		m, err = contrastive.New(ctx, src.Config, seed, at)
	} else {
		m, err = contrastive.Load(ctx, src.Config, src.Weights, at)
	}
	if err != nil {
		return nil, err
	}
	m.Preprocess = src.Preprocess
	return m, nil
}

// fingerprint tells models apart: a digest of weights, config and vocabulary.
func (src *modelSource) fingerprint(seed uint64) (string, error) {
	h := sha256.New()
	cfg, err := json.Marshal(src.Config)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s\n%s\n", cfg, bpe.New().Fingerprint())
	if src.Weights == "" {
		fmt.Fprintf(h, "fresh weights, seed %d", seed)
		return hex.EncodeToString(h.Sum(nil)[:16]), nil
	}
	f, err := os.Open(src.Weights)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", src.Weights, err)
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
