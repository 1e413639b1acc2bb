// Package describe says what a name leads to: a model or a run, an index, or data.
package describe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/run"
	"clipgo/weights"
)

// Description is one of pretrained.Description, Index and datasets.Summary. As JSON it is for programs.
type Description interface {
	Lines() []string // for people
}

// Options say how to look.
type Options struct {
	Data   datasets.Options
	Verify bool // read all weights and compare all files with their manifest
	// Find opens a model by its name. nil: pretrained.Hub's Find.
	Find func(ctx context.Context, name string) (pretrained.Source, error)
	Warn func(note string) // what finding the model had to pass over; may be nil
}

// Thing describes what a name leads to. Its content decides: an index, a model, else data.
func Thing(ctx context.Context, name string, o Options) (Description, error) {
	switch {
	case IsIndex(name):
		return openIndex(name)
	case isRun(name) && !paths.Exists(filepath.Join(name, pretrained.CheckpointsDir)):
		return nil, fault.Modelf(name, "the run has no checkpoint yet")
	case datasets.IsRemote(name):
		return data(ctx, name, o.Data, nil)
	}
	found, err := o.find(ctx, name)
	switch {
	case err == nil:
		return o.model(found)
	case !isRun(name) && perhapsData(name, err):
		return data(ctx, name, o.Data, err)
	}
	return nil, err
}

// find opens a model. Its error is about the name, not about a setting.
func (o Options) find(ctx context.Context, name string) (pretrained.Source, error) {
	find := o.Find
	if find == nil {
		find = func(ctx context.Context, name string) (pretrained.Source, error) {
			return pretrained.Hub{}.Find(ctx, name, "")
		}
	}
	found, err := find(ctx, name)
	if e := (*fault.Error)(nil); errors.As(err, &e) && e.Key == "model" {
		plain := *e
		plain.Key = ""
		err = &plain
	}
	return found, err
}

func (o Options) model(found pretrained.Source) (Description, error) {
	for _, note := range found.Notes {
		if o.Warn != nil {
			o.Warn(note)
		}
	}
	d, err := found.Describe(o.Verify)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// data describes a source. asModel is why the name is no model.
func data(ctx context.Context, name string, o datasets.Options, asModel error) (_ Description, err error) {
	src, err := datasets.Open(ctx, name, o)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) && asModel != nil {
			return nil, asModel
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	return datasets.Summarize(ctx, src)
}

// perhapsData tells what is no model at all from a model that is refused.
func perhapsData(name string, err error) bool {
	var unknown *model.UnknownModelError
	if errors.Is(err, weights.ErrNoModel) || errors.As(err, &unknown) || errors.Is(err, os.ErrNotExist) {
		return true
	}
	if filepath.Ext(name) == ".json" {
		return datasets.IsJSONData(name)
	}
	st, wrong := os.Stat(name)
	return wrong == nil && st.Mode().IsRegular() && !slices.Contains([]string{".safetensors", ".pt", ".pth", ".bin"}, filepath.Ext(name))
}

// IsIndex tells a directory that embed made.
func IsIndex(name string) bool {
	return paths.Exists(filepath.Join(name, "meta.json")) || paths.Exists(filepath.Join(name, "img_emb"))
}

// isRun tells a run directory, in which training may not have come to a checkpoint.
func isRun(name string) bool {
	return paths.Exists(filepath.Join(name, pretrained.CheckpointsDir)) || paths.Exists(filepath.Join(name, run.MetricsFile)) &&
		paths.Exists(filepath.Join(name, pretrained.RunFile))
}
