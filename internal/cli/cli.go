// Package cli is what clipgo's command line does whatever the command: help in groups, manual pages, completion in shells, and errors that
// name the way out.
package cli

import "github.com/spf13/cobra"

// Prepare gives the program's command, and all commands below it, grouped help with --help-all, completion, and errors that say what
// to write instead. models lists the names that --model takes.
func Prepare(root *cobra.Command, models func() []string) {
	root.Args, root.RunE = knownCommand, bare
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		checkArguments(c)
	}
	helpful(root)
	flags, arguments := values(models)
	complete(root, flags, arguments)
}

// checkArguments makes wrong arguments of a command, and of those below it, usage errors.
func checkArguments(c *cobra.Command) {
	switch {
	case c.HasSubCommands(): // eval, completion: nothing by themselves
		c.Args, c.RunE = knownCommand, incomplete
	case c.Args != nil:
		c.Args = usageArgs(c.Args)
	}
	for _, sub := range c.Commands() {
		checkArguments(sub)
	}
}
