package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/internal/config"
)

// flagError makes a flag that is not known, or not well formed, a usage error that names the nearest one.
func flagError(c *cobra.Command, err error) error {
	text := err.Error()
	_, unknown, found := strings.Cut(text, "unknown flag: --")
	if _, short, ok := strings.Cut(text, "unknown shorthand flag: "); ok && c.Flags().Lookup("minus") != nil {
		_, word, _ := strings.Cut(short, " in -")
		return usagef("unknown flag -%s; write -- before a query that begins with a minus, or --minus %q", word, word)
	}
	if !found {
		return usagef("%s; see %s --help", text, c.CommandPath())
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	hint := fmt.Sprintf("see %s --help", c.CommandPath())
	if near := config.Nearest(unknown, names); near != "" {
		hint = "did you mean --" + near + "?"
	}
	return usagef("unknown flag --%s; %s", unknown, hint)
}
