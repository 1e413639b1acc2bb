package main

import (
	"bufio"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/datasets/table"
	"clipgo/internal/bounded"
	"clipgo/model"
)

// completer gives the values that a flag or an argument may have, beginning with what is typed.
type completer = func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

var builtinSets = []string{"builtin:emoji", "builtin:emoji?split=val", "builtin:shapes", "builtin:shapes?split=val",
	"builtin:shapes?split=novel", "builtin:shapes-preferences"}

// flagValues are the values of flags by name, wherever a command has the flag.
var flagValues = map[string]completer{
	"model": orFiles(model.Configs), "reward-model": directories, "judge": directories,
	"train-data": orFiles(words(builtinSets...)), "val-data": orFiles(words(builtinSets...)), "data": orFiles(words(builtinSets...)),
	"pretrained": files("safetensors", "pt", "bin"), "config": files("json", "yaml", "yml"), "classes": files("txt", "json"),
	"templates": files("txt", "json"), "out": directories, "index": directories, "html": files("html"),
	"csv-img-key": columns, "csv-caption-key": columns, "caption-key": columns,
	"objective": only("clip", "siglip", "coca"), "lr-scheduler": only("cosine", "const", "const-cooldown"),
	"precision": only("auto", "fp32", "bf16"), "device": only("auto", "cpu", "cuda", "cuda:0", "cuda:1"),
	"label-smoothing-form": only("others", "classes"), "method": only("beam", "greedy", "top-p"), "to": only("open_clip", "hf"),
	"reward": only("preference", "clip", "both"), "log-format": only("text", "json"), "batch-size": only("auto"),
	"resume": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"latest"}, cobra.ShellCompDirectiveDefault
	},
	"dtype": func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		if c.Name() == "convert" {
			return []string{"f32", "f16", "bf16"}, cobra.ShellCompDirectiveNoFileComp
		}
		return []string{"float32", "float16"}, cobra.ShellCompDirectiveNoFileComp
	},
}

// argumentValues are the values of arguments by command. Where a command takes paths, the shell completes them itself.
var argumentValues = map[string]completer{
	"zeroshot": orFiles(words(builtinSets...)), "embed": orFiles(words(builtinSets...)), "caption": orFiles(words(builtinSets...)),
	"retrieval": orFiles(words(builtinSets...)), "anatomy": orFiles(words(builtinSets...)), "agreement": orFiles(words(builtinSets...)),
	"info": orFiles(model.Configs), "man": directories,
}

// completes gives a command and those below it the values of their flags and arguments.
func completes(c *cobra.Command) {
	for name, values := range flagValues {
		if c.LocalFlags().Lookup(name) != nil && !(name == "batch-size" && c.Flags().Lookup("train-data") == nil) {
			_ = c.RegisterFlagCompletionFunc(name, values) // fails only where it was called before
		}
	}
	if values := argumentValues[c.Name()]; values != nil && c.ValidArgs == nil {
		c.ValidArgsFunction = values
	}
	for _, sub := range c.Commands() {
		completes(sub)
	}
}

func words(list ...string) func() []string { return func() []string { return list } }

func only(list ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// orFiles gives names, and the files of the directory where none fits.
func orFiles(names func() []string) completer {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, name := range names() {
			if typed != "" && strings.HasPrefix(name, typed) { // else they would hide the files
				out = append(out, name)
			}
		}
		return out, cobra.ShellCompDirectiveDefault
	}
}

// files gives the files with one of some extensions.
func files(extensions ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// columns gives the columns of the table that the command line names.
func columns(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	for _, name := range []string{"train-data", "val-data", "data"} {
		if f := c.Flags().Lookup(name); f != nil {
			if b, ok := f.Value.(*boundFlag); ok {
				args = append(args, b.values...)
			}
		}
	}
	for _, path := range args {
		if found := columnsOf(path); len(found) > 0 {
			return found, cobra.ShellCompDirectiveNoFileComp
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// columnsOf are the names in the first line of a table.
func columnsOf(path string) []string {
	ext := strings.ToLower(filepath.Ext(path))
	if !slices.Contains([]string{".csv", ".tsv", ".jsonl"}, ext) {
		return nil
	}
	f, err := bounded.Open(path, bounded.Table)
	if err != nil {
		return nil
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 64<<10)).ReadString('\n')
	t, err := table.Open([]byte(line), ext, table.Options{})
	if err != nil {
		return nil
	}
	return t.Columns
}
