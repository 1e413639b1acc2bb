package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clipgo/training"
)

// version is set by the linker.
var version = "unknown"

// app is what every command is given: the console, which exists once the flags are known.
type app struct {
	streams streams
	output  output
	console *console

	afterStep training.Hook // of a test that watches a training; nil otherwise
}

// usageOf is a command with its arguments, as --help begins.
func usageOf(c *cobra.Command) string {
	return strings.TrimPrefix(c.Parent().CommandPath()+" "+c.Use, "clipgo ")
}

// usageArgs makes a wrong number of arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usagef("%v; it is clipgo %s, see %s --help", err, usageOf(c), c.CommandPath())
		}
		return nil
	}
}
