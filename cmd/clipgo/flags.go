package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/internal/config"
)

// completeIndex lets a shell complete the flags of the commands of an index: a directory after --index, a page after --html, a type
// after --dtype.
func completeIndex(c *cobra.Command) {
	for name, values := range map[string]cobra.CompletionFunc{
		"index": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		"html":  cobra.FixedCompletions([]string{"html"}, cobra.ShellCompDirectiveFilterFileExt),
		"dtype": cobra.FixedCompletions([]string{"float32", "float16"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if c.Flag(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, values) // it fails only if it was called before
		}
	}
}

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
