// Package convert writes models as folders for open_clip and transformers.
package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/internal/paths"
	"clipgo/internal/safetensors"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/vision/timm"
	"clipgo/weights"
)

// Options are the settings of a conversion.
type Options struct {
	To         string `json:"to" flag:"to" arg:"layout" help:"layout of the new folder: open_clip or hf"`
	DType      string `json:"dtype" flag:"dtype" arg:"type" help:"type of the numbers: f32, f16 or bf16 (default: as they are)"`
	Pretrained string `json:"pretrained" flag:"pretrained" arg:"file" help:"weights file where SRC is a config"`

	Find    pretrained.Finder `json:"-"` // looks the source up by its name
	Log     *slog.Logger      `json:"-"` // warnings
	Program string            `json:"-"` // that converts, for README.md of the model
}

// dtypes are the words of DType.
var dtypes = map[string]safetensors.DType{"": "", "f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16}

// Validate says what is wrong with the settings.
func (o Options) Validate() error {
	switch _, known := dtypes[o.DType]; {
	case o.To != "open_clip" && o.To != "hf":
		return fault.Setting("to", "%q is neither open_clip nor hf", o.To)
	case !known:
		return fault.Setting("dtype", "%q is none of f32, f16, bf16", o.DType)
	}
	return nil
}

// Run writes the model that a name leads to into a new folder.
func Run(ctx context.Context, o Options, name, dir string) (r Result, err error) {
	if err := o.Validate(); err != nil {
		return r, err
	}
	src, err := o.Find(ctx, name, o.Pretrained)
	if err != nil {
		return r, err
	}
	for _, note := range src.Notes {
		o.Log.Warn(note)
	}
	if src.Weights == "" {
		return r, fault.Setting("pretrained", "missing: %s is a config without weights", name)
	}
	w, err := src.OpenWeights()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := model.Fits(src.Config, w); err != nil {
		return r, src.Blame(err)
	}
	b, err := src.Bundle(w)
	if err != nil {
		return r, err
	}
	b.DType = dtypes[o.DType]
	if r, err = o.describe(name, dir, src, b); err != nil {
		return r, err
	}
	b.Card = r.card(o.Program)
	write := weights.WriteOpenCLIP
	if o.To == "hf" {
		write = weights.WriteHF
	}
	if err := write(dir, b); err != nil {
		return r, blame(err, name, dir)
	}
	for _, note := range r.Notes[len(src.Notes):] {
		o.Log.Warn(note)
	}
	return r, nil
}

// blame names the source where it is what can't be written.
func blame(err error, name, dir string) error {
	wrong, ok := errors.AsType[*weights.Error](err)
	switch {
	case !ok:
		return err
	case wrong.Path == dir:
		return fault.Modelf(name, "%s", wrong.Err.Error())
	}
	return fault.Modelf(name, "%s", wrong.Error())
}

// Result is what a conversion did.
type Result struct {
	Out         string            `json:"out"`
	Source      string            `json:"source"`
	From        weights.Layout    `json:"from"`
	To          string            `json:"to"`
	DType       safetensors.DType `json:"dtype"`
	Tensors     int               `json:"tensors"`
	Parameters  int64             `json:"parameters"`
	Fingerprint string            `json:"fingerprint"` // of the source, as info gives it
	Tokenizer   bool              `json:"tokenizer"`
	Notes       []string          `json:"notes"`
}

func (o Options) describe(name, dir string, src pretrained.Source, b weights.Bundle) (Result, error) {
	fingerprint, err := src.Fingerprint(0)
	r := Result{
		Out: dir, Source: sourceName(name), From: src.Layout, To: o.To, DType: cmp.Or(b.DType, weights.Stored(b.Set)),
		Tensors: len(b.Names()), Fingerprint: fingerprint, Tokenizer: len(b.Tokenizer) > 0, Notes: src.Notes,
		Parameters: model.Declare(src.Config).ParameterCount(),
	}
	if o.To == "open_clip" {
		r.Notes = append(r.Notes, openCLIPNotes(src)...)
	}
	if !r.Tokenizer {
		r.Notes = append(r.Notes, "no tokenizer files: the source has none, and its vocabulary is not CLIP's")
	}
	if src.Dir != "" && paths.Exists(filepath.Join(src.Dir, pretrained.HeadsFile)) {
		r.Notes = append(r.Notes, pretrained.HeadsFile+" is not converted: its heads are not part of the model")
	}
	return r, err
}

// sourceName names a source without where it lies on this machine.
func sourceName(src string) string {
	if strings.HasPrefix(src, hub.Scheme) {
		return src
	}
	return filepath.Base(src)
}

// Lines are the result for people.
func (r Result) Lines() []string {
	return []string{fmt.Sprintf("%s: %d tensors, %.1f million parameters, %s, for %s", r.Out, r.Tensors, float64(r.Parameters)/1e6, r.DType,
		r.To)}
}

// card is README.md: what was done, for whoever finds the folder.
func (r Result) card(program string) weights.FileWriter {
	text := fmt.Sprintf("Written by %s from %s (layout %s): %d tensors, %d parameters, stored as %s.\nFingerprint of the source: %s.\n\n",
		program, r.Source, r.From, r.Tensors, r.Parameters, r.DType, r.Fingerprint)
	for _, note := range r.Notes {
		text += "* " + note + "\n"
	}
	return weights.Card(r.To == "hf", filepath.Base(r.Out), text)
}

// openCLIPNotes says what open_clip will compute otherwise: it builds timm's tower by its name alone and passes over the
// GELU and the sizes that the config gives beside it.
func openCLIPNotes(src pretrained.Source) []string {
	v := src.Config.Vision
	if v.TimmModelName == "" {
		return nil
	}
	t, known := timm.Named(v.TimmModelName)
	switch {
	case !known:
		return []string{fmt.Sprintf("timm has no %s: open_clip needs a model registered under that name", v.TimmModelName)}
	case v.ActKwargs != nil && v.ActKwargs.Approximate != t.GELU:
		return []string{fmt.Sprintf("GELU in the image tower: %s here, %s in timm's %s, so open_clip's features of pictures differ in "+
			"the fourth digit",
			geluName(v.ActKwargs.Approximate), geluName(t.GELU), t.Name)}
	case v.ImageSize != t.ImageSize:
		return []string{fmt.Sprintf("pictures of %d pixels: timm's %s takes %d, and open_clip will refuse the position table",
			v.ImageSize, t.Name, t.ImageSize)}
	default:
		return nil
	}
}

func geluName(approximate string) string {
	if approximate == "tanh" {
		return "the tanh form"
	}
	return "exact"
}
