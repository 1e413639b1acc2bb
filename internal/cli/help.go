package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpAll is the flag --help-all. It prints the help, as --help does, with all flags.
type helpAll struct {
	command *cobra.Command
	on      bool
}

func (h *helpAll) String() string   { return "" }
func (h *helpAll) Type() string     { return "bool" }
func (h *helpAll) IsBoolFlag() bool { return true }

// Set turns the flag on, and --help with it.
func (h *helpAll) Set(value string) error {
	h.on = value != "false"
	return h.command.Flags().Set("help", value)
}

// helpful gives a command and those below it --help-all, the grouped help, and clear errors about arguments.
func helpful(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	if c.InitDefaultVersionFlag(); c.Flags().Lookup("version") != nil {
		c.Flags().Lookup("version").Usage = "print the version"
	}
	c.Flags().Lookup("help").Usage = "print the help"
	all := &helpAll{command: c}
	c.Flags().VarPF(all, "help-all", "", "print the help with all flags").NoOptDefVal = "true"
	c.SetHelpFunc(func(c *cobra.Command, _ []string) { printHelp(c.OutOrStdout(), c, all.on) })
	for _, sub := range c.Commands() {
		helpful(sub)
	}
}

// printHelp prints what a command does, its usage, examples, commands and flags.
func printHelp(w io.Writer, c *cobra.Command, all bool) {
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.TrimSpace(cmp.Or(c.Long, c.Short)))
	if c.Runnable() && !c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	groups, left := Groups(c, all)
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s:\n%s", g.Title, g.Flags.FlagUsages())
	}
	if left > 0 {
		fmt.Fprintf(w, "\n%d more flags: %s --help-all\n", left, c.CommandPath())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help describes a command.\n", c.CommandPath())
	}
}

// Group is a group of --help with the flags that a command has of it.
type Group struct {
	Title string
	Flags *pflag.FlagSet
}

// Groups sorts a command's flags into groups; left is the number of flags that are not shown.
func Groups(c *cobra.Command, all bool) (groups []Group, left int) {
	common, short := CommonFlags[c.CommandPath()]
	byName := map[string]*pflag.Flag{}
	add := func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help-all" && !short {
			return
		}
		if short && !all && !slices.Contains(common, f.Name) {
			left++
			return
		}
		byName[f.Name] = f
	}
	c.LocalFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	var own []string
	known := groupsOf(c.Flags().Lookup("lr") != nil)
	for name := range byName {
		if !slices.ContainsFunc(known, func(g flagGroup) bool { return slices.Contains(g.flags, name) }) {
			own = append(own, name)
		}
	}
	slices.Sort(own)
	for _, g := range slices.Insert(slices.Clone(known), 0, flagGroup{"Flags", own}) {
		set := pflag.NewFlagSet(g.title, pflag.ContinueOnError)
		set.SortFlags = false
		for _, name := range g.flags {
			if f := byName[name]; f != nil {
				set.AddFlag(f)
			}
		}
		if set.HasFlags() {
			groups = append(groups, Group{g.title, set})
		}
	}
	return groups, left
}

// firstSteps is what the program's name alone prints.
const firstSteps = `clipgo trains CLIP models, classifies images without training, and searches pictures by text. To begin:
  clipgo doctor                                                 # check the installation
  clipgo train --train-data builtin:shapes --out runs/shapes    # train a small model on built-in data
  clipgo embed --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K ~/Pictures --index pictures.index
  clipgo search --index pictures.index "a dog on the beach"
clipgo --help lists all commands.
`
