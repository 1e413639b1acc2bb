package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
)

// binder is a cli.Binder by the names that the commands use.
type binder struct{ *cli.Binder }

func bind(c *cobra.Command, options any, without ...string) binder {
	return binder{cli.Bind(c, options, without...)}
}

func bindFlags(c *cobra.Command, options any, without ...string) binder {
	return binder{cli.BindFlags(c, options, without...)}
}

func (b binder) layers() ([]config.Layer, error) { return b.Layers() }
func (b binder) apply() (config.Layer, error)    { return b.Apply() }

func (b binder) runs(do func(context.Context, config.Layer, []string) error) func(*cobra.Command, []string) error {
	return b.Runs(do)
}
