package main

import (
	"cmp"
	"fmt"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/vision/preprocess"
	"clipgo/weights"
)

// modelInfo is what info says of a model.
type modelInfo struct {
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
	Stored     *storedInfo       `json:"stored,omitempty"`
	State      *training.State   `json:"state,omitempty"`
	Notes      []string          `json:"notes,omitempty"`
	Config     model.Config      `json:"model_cfg"`
	Preprocess preprocess.Config `json:"preprocess_cfg"`
}

// storedInfo is what the files of weights say.
type storedInfo struct {
	Layout      weights.Layout    `json:"layout"`
	DType       safetensors.DType `json:"dtype"`
	Fingerprint string            `json:"fingerprint"`      // of the model: what an index keeps
	Digest      string            `json:"digest,omitempty"` // of every number; with --verify
	Says        map[string]string `json:"says,omitempty"`   // epoch, name and the like
}

func describeModel(c *console, src pretrained.Source, verify bool) error {
	m := model.Declare(src.Config)
	i := modelInfo{
		Name: src.Name, Family: familyOf(src.Config), Parameters: m.ParameterCount(),
		GFLOPs:     src.Config.FLOPs(src.Config.Text.ContextLength) / 1e9,
		Activation: activationOf(src.Config), Tokenizer: src.TokenizerName(),
		Bytes: m.Bytes(), Weights: src.Weights, Notes: src.Notes, Config: src.Config, Preprocess: src.Preprocess,
	}
	if err := m.Affordable(); err != nil {
		i.TooLarge = err.Error()
	}
	i.Vision = m.VisionParameterCount()
	i.Decoder = m.DecoderParameterCount()
	i.Text = i.Parameters - i.Vision - i.Decoder - 1 // the scale belongs to neither
	if src.Config.InitLogitBias != nil {
		i.Text-- // nor does the bias
	}
	if src.Checkpoint != "" {
		state, err := training.ReadState(src.Checkpoint)
		if err != nil {
			return fault.Modelf(src.Checkpoint, "%s", err.Error())
		}
		i.State = &state
	}
	if src.Weights != "" {
		s, err := stored(src, verify)
		if err != nil {
			return err
		}
		i.Stored = s
	}
	if c.json {
		return c.result(i)
	}
	i.print(c)
	return nil
}

func (i modelInfo) print(c *console) {
	v, t, p := i.Config.Vision, i.Config.Text, i.Preprocess
	c.print("model        %s", i.Name)
	c.print("family       %s, %s", i.Family, i.Activation)
	c.print("parameters   %d (image tower %d, text tower %d)", i.Parameters, i.Vision, i.Text)
	if i.TooLarge != "" {
		c.print("memory       this machine can't hold the model: %s", i.TooLarge)
	}
	c.print("compute      %.2f GFLOP for a picture and a caption", i.GFLOPs)
	c.print("image tower  %d layers of %d, %d px in patches of %d", v.Layers, v.Width, v.ImageSize, v.PatchSize)
	c.print("text tower   %d layers of %d, context %d, %d tokens", t.Layers, t.Width, t.ContextLength, t.VocabSize)
	if d := i.Config.Multimodal; d != nil {
		queries, _ := v.Pooler()
		c.print("decoder      %d layers of %d, %d image tokens, %d parameters", d.Layers, d.Width, queries-1, i.Decoder)
	}
	c.print("common space %d", i.Config.EmbedDim)
	c.print("pictures     %s", describePreprocess(p))
	c.print("tokenizer    %s", i.Tokenizer)
	c.print("weights      %s", cmp.Or(i.Weights, "none (config only)"))
	if s := i.Stored; s != nil {
		c.print("stored       %s, layout %s", s.DType, s.Layout)
		c.print("fingerprint  %s", s.Fingerprint)
		if s.Digest != "" {
			c.print("digest       %s, of every number", s.Digest)
		}
		for _, key := range []string{"name", "epoch", "global_step", "samples_seen"} {
			if s.Says[key] != "" {
				c.print("%-12s %s", strings.ReplaceAll(key, "_", " "), s.Says[key])
			}
		}
	}
	if s := i.State; s != nil {
		c.print("trained      %d steps, %d samples, seed %d", s.Step, s.Samples, s.Seed)
	}
}

func describePreprocess(p preprocess.Config) string {
	text := fmt.Sprintf("%d px, %s, %s, mean %.4g, std %.4g", p.Size, p.ResizeMode, p.Interpolation, p.Mean, p.Std)
	if p.Draft {
		text += ", draft"
	}
	return text
}

// stored reads what the files of weights say, and with verify every number of them.
func stored(src pretrained.Source, verify bool) (s *storedInfo, err error) {
	w, err := src.OpenWeights()
	if err != nil {
		return nil, err
	}
	defer closeWith(&err, w)
	if err := model.Fits(src.Config, w); err != nil {
		return nil, src.Blame(err)
	}
	s = &storedInfo{Layout: src.Layout, DType: weights.Stored(w), Says: w.Info}
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

func familyOf(c model.Config) string {
	if c.Vision.TimmModelName != "" {
		return "SigLIP"
	}
	if c.Multimodal != nil {
		return "CoCa"
	}
	return "CLIP"
}

// activationOf names the towers' activation, or both where they differ.
func activationOf(c model.Config) string {
	if c.QuickGELU {
		return "QuickGELU"
	}
	image, text := gelu(c.Vision.ActKwargs), gelu(c.Text.ActKwargs)
	if image == text {
		return image
	}
	return fmt.Sprintf("%s for pictures, %s for captions", image, text)
}

func gelu(k *nn.ActKwargs) string {
	if k.Activation() == nn.GELU {
		return "GELU"
	}
	return "GELU (tanh)"
}
