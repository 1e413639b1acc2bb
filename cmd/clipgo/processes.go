package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"clipgo/pretrained"
	"clipgo/run"
)

// command is a command that several processes can do together.
type command struct {
	cobra    *cobra.Command
	args     []string
	options  any // a struct; all processes need the same
	settings *pretrained.Settings
}

// together does a command alone, with nil, or in the processes that a launcher has started: process 0 does it and has the console, and the
// others help.
func together(ctx context.Context, a *app, c command, lead func(ctx context.Context, p *run.Processes) error,
	help run.Helper) (err error) {
	p, err := run.Find(ctx, version)
	if err != nil {
		return err
	}
	if p == nil {
		return lead(ctx, nil)
	}
	defer closeWith(&err, p)
	precision, err := p.Takes(c.settings.Machine)
	if err != nil {
		return err
	}
	if err := p.Same(c.cobra.CommandPath(), c.args, c.options, precision); err != nil {
		return err
	}
	if !p.Leads() {
		quiet := a.output
		quiet.quiet = true
		if a.console, err = newConsole(streams{io.Discard, io.Discard}, quiet); err != nil {
			return err
		}
		return p.Help(help)
	}
	a.console.log.Info("the pictures are divided among processes", "processes", p.World())
	return p.Lead(func(ctx context.Context) error { return lead(ctx, p) })
}
