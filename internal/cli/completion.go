package cli

import (
	"bufio"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/datasets/table"
	"clipgo/internal/bounded"
)

// values are those of flags by name, wherever a command has the flag, and those of arguments by command. Where a command takes paths, the
// shell completes them itself. models lists the known models.
func values(models func() []string) (flags, arguments map[string]cobra.CompletionFunc) {
	model, data, lists := orFiles(models), orFiles(builtinSets), files("txt", "json")
	flags = map[string]cobra.CompletionFunc{
		"model": model, "reward-model": directories, "judge": directories,
		"train-data": data, "val-data": data, "data": data,
		"pretrained": files("safetensors", "pt", "bin"), "config": files("json", "yaml", "yml"), "classes": lists, "templates": lists,
		"out": directories, "index": directories, "html": files("html"), "csv-img-key": columns, "csv-caption-key": columns,
		"caption-key": columns,
		"objective":   only("clip", "siglip", "coca"), "lr-scheduler": only("cosine", "const", "const-cooldown"),
		"precision": only("auto", "fp32", "bf16"), "device": only("auto", "cpu", "cuda", "cuda:0", "cuda:1"),
		"label-smoothing-form": only("others", "classes"), "method": only("beam", "greedy", "top-p"), "to": only("open_clip", "hf"),
		"reward": only("preference", "clip", "both"), "log-format": only("text", "json"), "batch-size": only("auto"),
		"resume": cobra.FixedCompletions([]string{"latest"}, cobra.ShellCompDirectiveDefault),
		"dtype": func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if c.Name() == "convert" {
				return only("f32", "f16", "bf16")(c, args, typed)
			}
			return only("float32", "float16")(c, args, typed)
		},
	}
	return flags, map[string]cobra.CompletionFunc{"zeroshot": data, "embed": data, "caption": data, "retrieval": data, "anatomy": data,
		"agreement": data, "info": model, "man": directories}
}

func builtinSets() []string {
	return []string{"builtin:emoji", "builtin:emoji?split=val", "builtin:shapes", "builtin:shapes?split=val", "builtin:shapes?split=novel",
		"builtin:shapes-preferences"}
}

// complete gives a command and those below it the values of their flags and arguments.
func complete(c *cobra.Command, flags, arguments map[string]cobra.CompletionFunc) {
	for name, values := range flags {
		if c.LocalFlags().Lookup(name) != nil && !(name == "batch-size" && c.Flags().Lookup("train-data") == nil) {
			_ = c.RegisterFlagCompletionFunc(name, values) // fails only where it was called before
		}
	}
	if values := arguments[c.Name()]; values != nil && c.ValidArgs == nil {
		c.ValidArgsFunction = values
	}
	for _, sub := range c.Commands() {
		complete(sub, flags, arguments)
	}
}

func only(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// orFiles gives names, and the files of the directory where none fits.
func orFiles(names func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) (out []string, _ cobra.ShellCompDirective) {
		for _, name := range names() {
			if typed != "" && strings.HasPrefix(name, typed) { // else they would hide the files
				out = append(out, name)
			}
		}
		return out, cobra.ShellCompDirectiveDefault
	}
}

// files gives the files with one of some extensions.
func files(extensions ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(extensions, cobra.ShellCompDirectiveFilterFileExt)
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// valued is a flag that keeps the texts that it was given.
type valued interface{ Values() []string }

// columns gives the columns of the table that the command line names.
func columns(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	for _, name := range []string{"train-data", "val-data", "data"} {
		if f := c.Flags().Lookup(name); f != nil {
			if given, ok := f.Value.(valued); ok {
				args = append(args, given.Values()...)
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
