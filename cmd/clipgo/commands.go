package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
)

// elsewhere are names that other programs have for what clipgo does, and the command that does it.
var elsewhere = map[string]string{
	"serve":          "there is no server; search --json gives the hits to other programs",
	"server":         "there is no server; see search --json",
	"classify":       "zeroshot classifies pictures",
	"predict":        "zeroshot classifies pictures, and caption describes them",
	"classification": "zeroshot classifies pictures",
	"zero-shot":      "it is zeroshot",
	"zero_shot":      "it is zeroshot",
	"encode":         "embed computes features",
	"inference":      "embed computes features",
	"features":       "embed computes features",
	"extract":        "embed computes features",
	"query":          "search finds pictures",
	"find":           "search finds pictures",
	"retrieve":       "search finds pictures, and eval retrieval measures a model",
	"evaluate":       "it is eval",
	"test":           "eval measures a model",
	"validate":       "eval measures a model",
	"benchmark":      "bench measures the machine, and eval a model",
	"generate":       "caption writes captions",
	"describe":       "caption writes captions, and info describes a model or data",
	"finetune":       "train --model TRAINED fine-tunes a model",
	"fine-tune":      "train --model TRAINED fine-tunes a model",
	"tune":           "train --model TRAINED fine-tunes a model",
	"export":         "convert writes a model for open_clip or transformers",
	"average":        "merge averages models",
	"soup":           "merge averages models",
	"interpolate":    "merge interpolates models",
	"models":         "info --list lists the model configs",
	"list":           "info --list lists the model configs",
	"show":           "info describes a model, a run, an index or data",
	"inspect":        "info describes a model, a run, an index or data",
	"download":       "--model hf-hub:ORG/REPO of train, zeroshot and embed downloads a model when it is first used",
	"resume":         "it is train --resume latest --out DIR",
	"ppo":            "it is align ppo",
	"preference":     "it is align preference",
	"rlhf":           "it is align ppo",
}

// bare says what to do first to whoever types the program's name alone.
func bare(c *cobra.Command, args []string) error {
	if c.Flags().NFlag() == 0 {
		_, err := fmt.Fprint(c.OutOrStdout(), firstSteps)
		return err
	}
	return incomplete(c, args)
}

// incomplete is a command line that stops before it says what to do.
func incomplete(c *cobra.Command, _ []string) error {
	return usagef("a command is missing: %s; see %s --help", strings.Join(subcommands(c), ", "), c.CommandPath())
}

func subcommands(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.Name() != "help" && !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return names
}

// knownCommand refuses a word that is no command, with the nearest one.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see " + c.CommandPath() + " --help"
	if near := config.Nearest(args[0], subcommands(c)); near != "" {
		hint = "did you mean " + near + "?"
	}
	if other := elsewhere[strings.ToLower(args[0])]; other != "" && !c.HasParent() {
		hint = other
	}
	return usagef("there is no %s %q; %s", strings.TrimPrefix(c.CommandPath()+" command", "clipgo "), args[0], hint)
}

// usageArgs makes a wrong number of arguments a usage error in clipgo's own words.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		return usagef("%s; the usage is: clipgo %s; see %s --help", wrongArguments(c, check, args), usageOf(c), c.CommandPath())
	}
}

func wrongArguments(c *cobra.Command, check cobra.PositionalArgs, args []string) string {
	most := len(args)
	for most > 0 && check(c, args[:most]) != nil {
		most--
	}
	if most == 0 && check(c, nil) != nil {
		return "an argument is missing"
	}
	extra := args[most]
	existing := slices.ContainsFunc(args[most:], func(path string) bool { _, err := os.Stat(path); return err == nil })
	switch {
	case existing && most > 0:
		return fmt.Sprintf("%.200q is one argument too many. If the shell expanded a pattern, put it in quotes", extra)
	case existing:
		return fmt.Sprintf("%.200q is no flag. If the shell expanded a pattern after a flag, put it in quotes", extra)
	case most > 0:
		return fmt.Sprintf("%.200q is one argument too many", extra)
	}
	return fmt.Sprintf("%.200q is no flag, and this command takes only flags", extra)
}

// usageOf is a command with its arguments, as --help begins.
func usageOf(c *cobra.Command) string {
	return strings.TrimPrefix(c.Parent().CommandPath()+" "+c.Use, "clipgo ")
}

// newHelp is the command help: the help of another command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Describe a command",
		Example: "  clipgo help train",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			at, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				if at == nil {
					at = c.Root()
				}
				if len(rest) == 0 {
					rest = args
				}
				if !at.HasSubCommands() {
					return usagef("%s has no command %q; see %s --help", at.CommandPath(), rest[0], at.CommandPath())
				}
				return knownCommand(at, rest)
			}
			return at.Help()
		},
	}
}
