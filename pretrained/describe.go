package pretrained

import (
	"cmp"
	"fmt"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/safetensors"
	"clipgo/model"
	"clipgo/training"
	"clipgo/vision/preprocess"
	"clipgo/weights"
)

// Description is what is known of a model without running it.
type Description struct {
	Name       string            `json:"name"`
	Family     string            `json:"family"`
	Parameters int64             `json:"parameters"`
	Bytes      int64             `json:"bytes"`               // of the parameters in float32
	TooLarge   string            `json:"too_large,omitempty"` // why this machine can't hold them
	Vision     int64             `json:"vision_parameters"`
	Text       int64             `json:"text_parameters"`
	Decoder    int64             `json:"decoder_parameters,omitempty"`
	GFLOPs     float64           `json:"gflops"` // of one picture and one caption of full length
	Activation string            `json:"activation"`
	Tokenizer  string            `json:"tokenizer"`
	Weights    string            `json:"weights,omitempty"`
	Stored     *Stored           `json:"stored,omitempty"`
	State      *training.State   `json:"state,omitempty"`
	Best       *Best             `json:"best,omitempty"` // that the run keeps
	Notes      []string          `json:"notes,omitempty"`
	Config     model.Config      `json:"model_cfg"`
	Preprocess preprocess.Config `json:"preprocess_cfg"`
}

// Stored is what the files of weights say.
type Stored struct {
	Layout      weights.Layout    `json:"layout"`
	DType       safetensors.DType `json:"dtype"`
	Fingerprint string            `json:"fingerprint"`      // of the model: what an index keeps
	Digest      string            `json:"digest,omitempty"` // of every number; with --verify
	Says        map[string]string `json:"says,omitempty"`   // epoch, name and the like
}

// Describe reads what is known of the model. With verify it reads all weights and compares all files with the folder's manifest.
func (src *Source) Describe(verify bool) (d Description, err error) {
	m := model.Declare(src.Config)
	d = Description{
		Name: src.Name, Family: src.Config.Family(), Parameters: m.ParameterCount(),
		GFLOPs:     src.Config.FLOPs(src.Config.Text.ContextLength) / 1e9,
		Activation: src.Config.Activation(), Tokenizer: src.TokenizerName(),
		Bytes: m.Bytes(), Weights: src.Weights, Notes: src.Notes, Config: src.Config, Preprocess: src.Preprocess,
		Vision: m.VisionParameterCount(), Decoder: m.DecoderParameterCount(),
	}
	if err := m.Affordable(); err != nil {
		d.TooLarge = err.Error()
	}
	d.Text = d.Parameters - d.Vision - d.Decoder - 1 // the scale belongs to neither
	if src.Config.InitLogitBias != nil {
		d.Text-- // nor does the bias
	}
	if src.Checkpoint != "" {
		state, err := training.ReadState(src.Checkpoint)
		if err != nil {
			return d, fault.Modelf(src.Checkpoint, "%s", err.Error())
		}
		d.State, d.Best = &state, src.best()
	}
	if src.Weights != "" {
		d.Stored, err = src.stored(verify)
	}
	return d, err
}

// Lines are the description for people.
func (d Description) Lines() (out []string) {
	put := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	v, t := d.Config.Vision, d.Config.Text
	put("model        %s", d.Name)
	put("family       %s, %s", d.Family, d.Activation)
	put("parameters   %d (image tower %d, text tower %d)", d.Parameters, d.Vision, d.Text)
	if d.TooLarge != "" {
		put("memory       this machine can't hold the model: %s", d.TooLarge)
	}
	put("compute      %.2f GFLOP for a picture and a caption", d.GFLOPs)
	put("image tower  %d layers of %d, %d px in patches of %d", v.Layers, v.Width, v.ImageSize, v.PatchSize)
	put("text tower   %d layers of %d, context %d, %d tokens", t.Layers, t.Width, t.ContextLength, t.VocabSize)
	if m := d.Config.Multimodal; m != nil {
		queries, _ := v.Pooler()
		put("decoder      %d layers of %d, %d image tokens, %d parameters", m.Layers, m.Width, queries-1, d.Decoder)
	}
	put("common space %d", d.Config.EmbedDim)
	put("pictures     %s", d.Preprocess.Summary())
	put("tokenizer    %s", d.Tokenizer)
	put("weights      %s", cmp.Or(d.Weights, "none (config only)"))
	if s := d.Stored; s != nil {
		put("stored       %s, layout %s", s.DType, s.Layout)
		put("fingerprint  %s", s.Fingerprint)
		if s.Digest != "" {
			put("digest       %s, of every number", s.Digest)
		}
		for _, key := range []string{"name", "epoch", "global_step", "samples_seen"} {
			if s.Says[key] != "" {
				put("%-12s %s", strings.ReplaceAll(key, "_", " "), s.Says[key])
			}
		}
	}
	if s := d.State; s != nil {
		put("trained      %d steps, %d samples, seed %d", s.Step, s.Samples, s.Seed)
	}
	if d.Best != nil {
		put("best         %s (%s)", d.Best, d.Best.Goal)
	}
	return out
}

// stored reads what the files of weights say, and with verify every number of them.
func (src *Source) stored(verify bool) (s *Stored, err error) {
	w, err := src.OpenWeights()
	if err != nil {
		return nil, err
	}
	defer closeWith(&err, w)
	if err := model.Fits(src.Config, w); err != nil {
		return nil, src.Blame(err)
	}
	s = &Stored{Layout: src.Layout, DType: weights.Stored(w), Says: w.Info}
	if s.Fingerprint, err = src.Fingerprint(0); err != nil || !verify {
		return s, err
	}
	if err := src.VerifyFiles(); err != nil {
		return nil, err
	}
	if err := model.Sound(src.Config, w); err != nil {
		return nil, src.Blame(err)
	}
	s.Digest = weights.Digest(w)
	return s, nil
}
