package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/search"
	"clipgo/vision/preprocess"
	"clipgo/weights"
)

// infoOptions are what info is asked for.
type infoOptions struct {
	datasets.Options
	List   bool `json:"list" flag:"list" help:"list the known model configs, the smallest first"`
	Verify bool `json:"verify" flag:"verify" help:"read all weights, compare all files with the folder's MANIFEST, print a checksum"`
}

func newInfo(a *app) *cobra.Command {
	var o infoOptions
	c := &cobra.Command{
		Use:   "info X",
		Short: "Describe a model, a run, an index or a data source",
		Long: `info describes X: of a model its sizes, parameters, tokenizer, preprocessing and the layout of its weights; of a run what
it trains, how far it is and its last evaluation; of an index its rows, its model and its size; of data how many samples
it has, how many of them can be used, its columns or classes, and what was passed over. --list lists the known configs.`,
		Example: `  clipgo info --list
  clipgo info ViT-B-32
  clipgo info hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K
  clipgo info runs/emoji --verify
  clipgo info pictures.index
  clipgo info photos.csv`,
		Args: cobra.MaximumNArgs(1),
	}
	b := bind(c, &o)
	c.RunE = b.runs(func(ctx context.Context, _ config.Layer, args []string) error {
		switch {
		case o.List && len(args) == 0:
			return listConfigs(a.console)
		case o.List || len(args) != 1:
			return usagef("name one thing to describe, or --list; see clipgo info --help")
		}
		return describeThing(ctx, a.console, args[0], o)
	})
	return c
}

// configLine is a line of info --list.
type configLine struct {
	Name       string `json:"name"`
	Parameters int64  `json:"parameters"`
	ImageSize  int    `json:"image_size"`
	Context    int    `json:"context_length"`
	EmbedDim   int    `json:"embed_dim"`
}

func listConfigs(c *console) error {
	var lines []configLine
	for _, name := range model.Configs() {
		cfg, err := model.NamedConfig(name)
		if err != nil {
			return err
		}
		lines = append(lines, configLine{name, model.Declare(cfg).ParameterCount(), cfg.Vision.ImageSize, cfg.Text.ContextLength,
			cfg.EmbedDim})
	}
	slices.SortStableFunc(lines, func(a, b configLine) int { return cmp.Compare(a.Parameters, b.Parameters) })
	for _, l := range lines {
		if c.json {
			if err := c.result(l); err != nil {
				return err
			}
			continue
		}
		c.print("%-26s %10.2f M parameters   %d px   context %d   embed %d", l.Name, float64(l.Parameters)/1e6, l.ImageSize, l.Context,
			l.EmbedDim)
	}
	return nil
}

// describeThing decides by content what X is: an index, a model, else data.
func describeThing(ctx context.Context, c *console, x string, o infoOptions) error {
	if isIndex(x) {
		return describeIndex(c, x)
	}
	if isRun(x) && !paths.Exists(filepath.Join(x, pretrained.CheckpointsDir)) {
		return fault.Modelf(x, "the run has no checkpoint yet")
	}
	if datasets.IsRemote(x) {
		return describeData(ctx, c, x, o.Options, nil)
	}
	src, err := c.findModel(ctx, x, "")
	err = asArgument(err)
	switch {
	case err == nil:
		for _, note := range src.Notes {
			c.log.Warn(note)
		}
		d, err := src.Describe(o.Verify)
		if err != nil {
			return err
		}
		return c.show(d, d.Lines)
	case isRun(x):
		return err
	case perhapsData(x, err):
		return describeData(ctx, c, x, o.Options, err)
	}
	return err
}

// asArgument is an error about a model that an argument names, not a flag.
func asArgument(err error) error {
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Key == "model" {
		plain := *e
		plain.Key = ""
		return &plain
	}
	return err
}

// perhapsData tells what is no model at all from a model that is refused.
func perhapsData(x string, err error) bool {
	if errors.Is(err, weights.ErrNoModel) || isAny[*model.UnknownModelError](err) || errors.Is(err, os.ErrNotExist) {
		return true
	}
	if filepath.Ext(x) == ".json" {
		return datasets.IsJSONData(x)
	}
	st, wrong := os.Stat(x)
	return wrong == nil && st.Mode().IsRegular() && !slices.Contains([]string{".safetensors", ".pt", ".pth", ".bin", ".json"},
		filepath.Ext(x))
}

func isIndex(x string) bool {
	return paths.Exists(filepath.Join(x, "meta.json")) || paths.Exists(filepath.Join(x, "img_emb"))
}

// isRun tells a run directory, in which training may not have come to a checkpoint.
func isRun(x string) bool {
	return paths.Exists(filepath.Join(x, pretrained.CheckpointsDir)) || paths.Exists(filepath.Join(x, run.MetricsFile)) &&
		paths.Exists(filepath.Join(x, pretrained.RunFile))
}

func describeIndex(c *console, dir string) error {
	ix, err := search.Open(dir)
	if err != nil {
		return err
	}
	defer ix.Close()
	if err := ix.Verify(); err != nil {
		return err
	}
	i := ix.Info()
	if c.json {
		return c.result(i)
	}
	c.print("index        %s", dir)
	c.print("rows         %d live of %d, in %d segments", i.Live, i.Rows, i.Segments)
	c.print("vectors      %d x %s, %.1f MB", i.Dim, i.DType, float64(i.Bytes)/1e6)
	if b := i.OneBit; b != nil {
		c.print("1-bit codes  find %.4f of the ten best rows", b.At10)
	}
	c.print("model        %s", orNone(i.Model))
	c.print("fingerprint  %s", orNone(i.Fingerprint))
	p := preprocess.Default()
	if len(i.Preprocess) == 0 || json.Unmarshal(i.Preprocess, &p) != nil {
		return nil
	}
	turned := map[bool]string{true: "applied", false: "ignored"}[p.Orientation == preprocess.OrientationApply]
	c.print("pictures     %s, EXIF orientation %s", p.Summary(), turned)
	return nil
}

func describeData(ctx context.Context, c *console, x string, o datasets.Options, asModel error) error {
	src, err := datasets.Open(ctx, x, o)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) && asModel != nil {
			return asModel
		}
		return err
	}
	defer src.Close()
	s, err := datasets.Summarize(ctx, src)
	if err != nil {
		return err
	}
	return c.show(s, s.Lines)
}
