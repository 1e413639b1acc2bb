package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/internal/config"
	"clipgo/internal/fault"
)

// flagError makes a flag that is not known, or not well formed, a usage error that says what to write instead.
func flagError(c *cobra.Command, err error) error {
	see := "see " + c.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			if c.Flags().Lookup("minus") != nil {
				return fault.Usagef("unknown flag -%.200s; write -- before a query that begins with a minus, or --minus %.200q", short,
					short)
			}
			return fault.Usagef("there is no flag -%.200s; flags have two dashes, and -- comes before arguments that begin with one; %s",
				short, see)
		}
		return unknownFlag(c, unknown.GetSpecifiedName(), see)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		what := missing.GetFlag().Value.Type()
		return fault.Usagef("--%s needs a value: --%s %s; %s", missing.GetSpecifiedName(), missing.GetSpecifiedName(), what, see)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && invalid.GetFlag().Value.Type() == "bool" {
		return fault.Usagef("--%s=%.200s: it is true or false", invalid.GetFlag().Name, invalid.GetValue())
	}
	return fault.Usagef("%.300s; %s", err.Error(), see)
}

// unknownFlag names what another program's flag is here, the nearest flag, or the command that has the flag.
func unknownFlag(c *cobra.Command, unknown, see string) error {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	hint := see
	name := strings.ReplaceAll(strings.ToLower(unknown), "_", "-")
	if foreign := ForeignFlags[name]; foreign != "" {
		hint = foreign
	} else if near := config.Nearest(name, names); near != "" {
		hint = "did you mean --" + near + "?"
	} else if others := HavingFlag(c.Root(), name); len(others) > 0 {
		hint = fmt.Sprintf("%s: it is a flag of %s", see, strings.Join(others, ", "))
	}
	return fault.Usagef("unknown flag --%.200s; %s", unknown, hint)
}

// HavingFlag are the commands with a flag.
func HavingFlag(c *cobra.Command, name string) (out []string) {
	if c.Flags().Lookup(name) != nil {
		out = append(out, c.CommandPath())
	}
	for _, sub := range c.Commands() {
		out = append(out, HavingFlag(sub, name)...)
	}
	return out
}
