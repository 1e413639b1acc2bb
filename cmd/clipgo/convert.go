package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
	"clipgo/internal/paths"
	"clipgo/internal/safetensors"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/weights"
)

// convertOptions are what convert is asked for.
type convertOptions struct {
	src, dst   string
	To         string `json:"to" flag:"to" arg:"layout" help:"layout of the new folder: open_clip or hf"`
	DType      string `json:"dtype" flag:"dtype" arg:"type" help:"type of the numbers: f32, f16 or bf16 (default: as they are)"`
	Pretrained string `json:"pretrained" flag:"pretrained" arg:"file" help:"weights file where SRC is a config"`
}

func newConvert(a *app) *cobra.Command {
	var o convertOptions
	c := &cobra.Command{
		Use:   "convert SRC DST --to open_clip|hf",
		Short: "Write a model for open_clip or transformers",
		Long: `convert writes a new folder with weights, configs, tokenizer and a model card: for open_clip (local-dir:DST) or for
transformers (CLIPModel.from_pretrained). SRC is whatever --model takes elsewhere. No number changes unless --dtype says so.`,
		Example: `  clipgo convert runs/emoji emoji-hf --to hf
  clipgo convert clip-vit-base-patch32 clip-b32 --to open_clip --dtype f16
  clipgo convert ViT-B-32 clip-b32 --pretrained ViT-B-32.pt --to hf`,
		Args: cobra.ExactArgs(2),
	}
	b := bindFlags(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		if _, err := b.apply(); err != nil {
			return err
		}
		o.src, o.dst = args[0], args[1]
		return o.run(c.Context(), a.console)
	}
	return c
}

// dtypes are --dtype's words.
var dtypes = map[string]safetensors.DType{"": "", "f32": safetensors.F32, "f16": safetensors.F16, "bf16": safetensors.BF16}

func (o *convertOptions) run(ctx context.Context, c *console) (err error) {
	write := map[string]func(string, weights.Bundle) error{"open_clip": weights.WriteOpenCLIP, "hf": weights.WriteHF}[o.To]
	dtype, known := dtypes[o.DType]
	switch {
	case o.To == "":
		return usagef("--to is missing: open_clip or hf")
	case write == nil:
		return usagef("--to: %q is neither open_clip nor hf", o.To)
	case !known:
		return usagef("--dtype: %q is none of f32, f16, bf16", o.DType)
	}
	if err := vacant(o.dst); err != nil {
		return err
	}
	src, err := c.findModel(ctx, o.src, o.Pretrained)
	if err != nil {
		return err
	}
	for _, note := range src.Notes {
		c.log.Warn(note)
	}
	if src.Weights == "" {
		return usagef("%s is a config without weights; --pretrained names a file of them", o.src)
	}
	w, err := src.OpenWeights()
	if err != nil {
		return err
	}
	defer closeWith(&err, w)
	if err := model.Fits(src.Config, w); err != nil {
		return src.Blame(err)
	}
	b, err := src.Bundle(w)
	if err != nil {
		return err
	}
	b.DType = dtype
	made, err := o.account(src, b)
	if err != nil {
		return err
	}
	b.Card = made.card
	if err := write(o.dst, b); err != nil {
		return o.blame(err)
	}
	for _, note := range made.Notes[len(src.Notes):] {
		c.log.Warn(note)
	}
	return made.tell(c)
}

// blame names the source where it is what can't be written.
func (o *convertOptions) blame(err error) error {
	wrong, ok := errors.AsType[*weights.Error](err)
	switch {
	case !ok:
		return err
	case wrong.Path == o.dst:
		return fault.Modelf(o.src, "%s", wrong.Err.Error())
	}
	return fault.Modelf(o.src, "%s", wrong.Error())
}

// converted is what convert did.
type converted struct {
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

func (o *convertOptions) account(src pretrained.Source, b weights.Bundle) (converted, error) {
	fingerprint, err := src.Fingerprint(0)
	d := converted{
		Out: o.dst, Source: sourceName(o.src), From: src.Layout, To: o.To, DType: cmp.Or(b.DType, weights.Stored(b.Set)),
		Tensors: len(b.Names()), Fingerprint: fingerprint, Tokenizer: len(b.Tokenizer) > 0, Notes: src.Notes,
		Parameters: model.Declare(src.Config).ParameterCount(),
	}
	if o.To == "open_clip" {
		d.Notes = append(d.Notes, openCLIPNotes(src)...)
	}
	if !d.Tokenizer {
		d.Notes = append(d.Notes, "no tokenizer files: the source has none, and its vocabulary is not CLIP's")
	}
	if src.Dir != "" && paths.Exists(filepath.Join(src.Dir, run.HeadsFile)) {
		d.Notes = append(d.Notes, run.HeadsFile+" is not converted: its heads are not part of the model")
	}
	return d, err
}

// sourceName names a source without where it lies on this machine.
func sourceName(src string) string {
	if strings.HasPrefix(src, hub.Scheme) {
		return src
	}
	return filepath.Base(src)
}

func (d converted) tell(c *console) error {
	if c.json {
		return c.result(d)
	}
	c.print("%s: %d tensors, %.1f million parameters, %s, for %s", d.Out, d.Tensors, float64(d.Parameters)/1e6, d.DType, d.To)
	return nil
}

// card is README.md: what was done, for whoever finds the folder.
func (d converted) card(w io.Writer) error {
	library, open := "open_clip", `model, _, preprocess = open_clip.create_model_and_transforms("local-dir:FOLDER")
tokenizer = open_clip.get_tokenizer("local-dir:FOLDER")`
	if d.To == "hf" {
		library, open = "transformers", `model = AutoModel.from_pretrained("FOLDER")
processor = AutoProcessor.from_pretrained("FOLDER")`
	}
	var notes strings.Builder
	for _, n := range d.Notes {
		fmt.Fprintf(&notes, "* %s\n", n)
	}
	_, err := fmt.Fprintf(w, `---
library_name: %s
pipeline_tag: zero-shot-image-classification
tags:
- clip
---
# %s

Written by clipgo %s from %s (layout %s): %d tensors, %d parameters, stored as %s.
Fingerprint of the source: %s.

%s
`+"```python\n%s\n```\n", library, filepath.Base(d.Out), version, d.Source, d.From, d.Tensors, d.Parameters, d.DType, d.Fingerprint,
		notes.String(), open)
	return err
}
