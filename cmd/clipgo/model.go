package main

import (
	"context"
	"fmt"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/bounded"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/vision/preprocess"
)

// openModel opens the model of --model, with what the user said of its preprocessing on top.
func openModel(ctx context.Context, a *app, o *pretrained.Settings, said config.Layer) (*pretrained.Embedder, error) {
	if o.Log = a.console.log; o.Find == nil {
		o.Find = a.console.findModel
	}
	o.Adjust = func(c *preprocess.Config) { said.Under("preprocess").Decode(c) }
	return pretrained.Open(ctx, *o)
}

// templates are those of a file, or else those that fit the model and the data.
func templates(m *pretrained.Embedder, path string, data datasets.Info) ([]string, error) {
	if path == "" {
		return m.Templates(data), nil
	}
	f, err := bounded.Open(path, bounded.List)
	if err != nil {
		return nil, fmt.Errorf("--templates: %w", err)
	}
	defer f.Close()
	out, err := eval.ReadTemplates(f)
	if err != nil {
		return nil, usagef("--templates %s: %v", path, err)
	}
	return out, nil
}
