package main

import (
	"context"

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
