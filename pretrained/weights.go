package pretrained

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/weights"
)

// fromFolder takes a folder of weights in any layout.
func (src *Source) fromFolder(dir string) (err error) {
	w, err := weights.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := src.adopt(w); err != nil {
		return err
	}
	return src.readRun(dir)
}

// fromWeightsFile takes a bare file, which must say itself what model it is of.
func (src *Source) fromWeightsFile(path string) (err error) {
	w, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if w.Model == nil {
		return fault.Modelf(path, "the file contains weights only: name the architecture's config as the model and this file as its "+
			"pretrained weights")
	}
	return src.adopt(w)
}

// adopt takes over what open weights say of their model.
func (src *Source) adopt(w *weights.Checkpoint) (err error) {
	path := w.File
	if w.Dir != "" {
		path = w.Dir
	}
	if src.Config, err = model.ParseConfig(w.Model); err != nil {
		if isUnsupported(err) || config.IsUsage(err) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return fault.Modelf(path, "%s", err.Error())
	}
	src.Preprocess = src.Config.Preprocess()
	if w.Preprocess != nil {
		if err := src.readPreprocess(path, w.Preprocess); err != nil {
			return err
		}
	}
	src.Weights, src.Layout, src.Dir = w.File, w.Layout, w.Dir
	src.Notes = append(src.Notes, w.Notes...)
	return nil
}

// use takes the weights of a file for a model given by its config.
func (src *Source) use(pretrained string) (err error) {
	st, err := os.Stat(pretrained)
	if err != nil {
		return fault.Setting("pretrained", "%w", err)
	}
	if st.IsDir() {
		return fault.Setting("pretrained", "%s is a folder, which contains its own config: give it as the model", pretrained)
	}
	w, err := weights.Open(pretrained)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	switch {
	case w.Layout != weights.OpenAI:
		src.Notes = append(src.Notes, w.Notes...)
	case !src.Config.QuickGELU: // the rest of what the file leaves open, the config says
		src.Config.QuickGELU = true
		src.Notes = append(src.Notes, "QuickGELU, since these are OpenAI's weights")
	}
	src.Weights, src.Layout = w.File, w.Layout
	return nil
}

func (src *Source) readPreprocess(path string, data []byte) error {
	// open_clip writes the size as a number or as a pair.
	var pair struct {
		Size []int `json:"size"`
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return fault.Modelf(path, "preprocess_cfg: %v", fault.JSON(err))
	}
	for _, key := range []string{"mean", "std"} { // a Go array takes lists of any length
		var channels []float64
		if list, ok := fields[key]; ok && string(list) != "null" && (json.Unmarshal(list, &channels) != nil || len(channels) != 3) {
			return fault.Modelf(path, "preprocess_cfg.%s: it has not a number for each of 3 channels", key)
		}
	}
	if json.Unmarshal(data, &pair) == nil && len(pair.Size) == 2 {
		if pair.Size[0] != pair.Size[1] {
			return fault.Modelf(path, "preprocess_cfg.size: %v is not square", pair.Size)
		}
		fields["size"], _ = json.Marshal(pair.Size[0])
		data, _ = json.Marshal(fields)
	}
	if err := json.Unmarshal(data, &src.Preprocess); err != nil {
		return fault.Modelf(path, "preprocess_cfg: %v", fault.JSON(err))
	}
	if err := src.Preprocess.Validate(); err != nil {
		return fault.Modelf(path, "%s", "preprocess_cfg: "+err.Error())
	}
	if made, taken := src.Preprocess.Size, src.Config.Vision.ImageSize; made != taken {
		return fault.Modelf(path, "preprocess_cfg.size: it makes pictures of %d pixels, the model takes %d", made, taken)
	}
	return nil
}

// OpenWeights opens the weights that were found.
func (src *Source) OpenWeights() (*weights.Checkpoint, error) { return weights.Open(src.Weights) }

// load builds the model with the weights found, or with fresh ones.
func (src *Source) Open(ctx context.Context, at model.Placement, seed uint64) (m *model.Model, err error) {
	if src.Weights == "" {
		m, err = model.New(ctx, src.Config, seed, at)
		return m, src.Blame(err)
	}
	w, err := src.OpenWeights()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	m, err = model.Load(ctx, src.Config, w, at)
	return m, src.Blame(err)
}

// Check opens and checks the weights found, as far as these towers need them; nil where the model has none.
func (src *Source) Check(towers model.Towers) (*model.Checked, error) {
	if src.Weights == "" {
		return nil, nil
	}
	w, err := src.OpenWeights()
	if err != nil {
		return nil, err
	}
	k, err := model.Check(src.Config, w, towers)
	return k, src.Blame(err)
}

// CheckInt8 is Check for weights some of which are used in 8 bits. The result owns the forms; on an error they are freed.
func (src *Source) CheckInt8(towers model.Towers, q model.Int8) (*model.Checked, error) {
	w, err := src.OpenWeights()
	if err != nil {
		q.Free()
		return nil, err
	}
	k, err := model.CheckInt8(src.Config, w, towers, q)
	return k, src.Blame(err)
}

// OpenMapped is Build for a model that is not trained: its weights stay in their file, where Check mapped them.
func (src *Source) OpenMapped(ctx context.Context, k *model.Checked, at model.Placement, seed uint64) (*model.Model, error) {
	if k == nil {
		return src.Build(ctx, at, seed)
	}
	m, err := k.OpenMapped(ctx, at)
	if err != nil {
		return nil, err
	}
	m.Preprocess = src.Preprocess
	return m, nil
}

// Blame names the file of weights that do not fit, or the model that is too large.
func (src *Source) Blame(err error) error {
	if large, ok := errors.AsType[*model.MemoryError](err); ok {
		if src.Weights != "" {
			return fault.Modelf(src.Weights, "%v", large)
		}
		return fmt.Errorf("%s: %w", src.Name, large)
	}
	if wrong, ok := errors.AsType[*model.WeightsError](err); ok {
		wrong.Path = src.Weights
	}
	return err
}

// Fingerprint tells models apart: a digest of weights, config and vocabulary.
func (src *Source) Fingerprint(seed uint64) (digest string, err error) {
	h := sha256.New()
	cfg, err := json.Marshal(src.Config)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s\n%s\n", cfg, src.TokenizerFingerprint())
	if src.Weights == "" {
		fmt.Fprintf(h, "fresh weights, seed %d", seed)
		return hex.EncodeToString(h.Sum(nil)[:16]), nil
	}
	w, err := src.OpenWeights()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	fmt.Fprint(h, weights.Fingerprint(w))
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// LegacyFingerprint is fingerprint as it was before other layouts than open_clip's were read, over the whole file: indexes of
// that time keep it.
func (src *Source) LegacyFingerprint() (string, error) {
	h := sha256.New()
	cfg, err := json.Marshal(src.Config)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s\n%s\n", cfg, src.TokenizerFingerprint())
	f, err := os.Open(src.Weights) // mapped before, so it is a regular file; only its hash is kept
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func isUnsupported(err error) bool {
	_, ok := errors.AsType[*model.UnsupportedError](err)
	return ok
}
