package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clipgo/internal/config"
)

func newRoot(s streams) *cobra.Command {
	a := &app{streams: s, output: output{logFormat: "text"}}
	root := &cobra.Command{
		Use:   "clipgo",
		Short: "Train CLIP models, classify images without labels, search images by text",
		Long: `clipgo trains CLIP models, classifies images into categories the model was never trained on (zero-shot), and
searches folders of pictures by text or by example.`,
		Example: `  clipgo train --train-data builtin:emoji --out runs/emoji
  clipgo zeroshot --model runs/emoji photo.png --classes "a cat,a dog,a house"
  clipgo embed --model hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K ~/Pictures --index pictures.index
  clipgo search --index pictures.index "a red heart"`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          bare,
		PersistentPreRunE: func(*cobra.Command, []string) (err error) {
			a.console, err = newConsole(a.streams, a.output)
			return err
		},
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.output.json, "json", false, "print one JSON object (or one a line) on stdout and nothing else there")
	flags.BoolVar(&a.output.quiet, "quiet", false, "print results, warnings and errors only")
	flags.StringVar(&a.output.logFormat, "log-format", "text", "`text` or json, for what goes to stderr")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, err) })
	root.AddCommand(newTrain(a), newZeroshot(a), newEval(a), newEmbed(a), newSearch(a), newIndex(a), newCaption(a), newAlign(a),
		newConvert(a), newMerge(a), newInfo(a), newBench(a), newDoctor(a), newVersion(a))
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.HasSubCommands() { // eval, completion: nothing by themselves
			c.Args, c.RunE = knownCommand, incomplete
		} else if c.Args != nil {
			c.Args = usageArgs(c.Args)
		}
	}
	return root
}

func newAlign(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "align",
		Short: "Train reward models and fine-tune captioners with preferences",
	}
	c.AddCommand(newAlignPreference(a), newAlignPPO(a))
	return c
}

func newEval(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "eval",
		Short: "Measure a model",
	}
	c.AddCommand(newEvalRetrieval(a), newEvalAnatomy(a), newEvalAgreement(a), newEvalCaption(a))
	return c
}

// bare shows the help to whoever types the program's name alone.
func bare(c *cobra.Command, args []string) error {
	if c.Flags().NFlag() == 0 {
		return c.Help()
	}
	return incomplete(c, args)
}

// incomplete is a command line that stops before it says what to do.
func incomplete(c *cobra.Command, _ []string) error {
	return usagef("a command is missing: %s; see %s --help", strings.Join(subcommands(c), ", "), c.CommandPath())
}

func subcommands(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.Name() != "help" {
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
	return usagef("there is no %s %q; %s", strings.TrimPrefix(c.CommandPath()+" command", "clipgo "), args[0], hint)
}
