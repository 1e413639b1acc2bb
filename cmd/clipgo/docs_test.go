package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
)

var (
	inCode     = regexp.MustCompile("(?ms)^```[a-z]*\n.*?^```$|^    .*?$|`[^`\n]+`")
	ourCommand = regexp.MustCompile(`(?:^|[\s(;&|"])clipgo ([^\n]*)`)
	inQuotes   = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'`)
	comment    = regexp.MustCompile(`\s#.*`)
	endOfLine  = regexp.MustCompile(`\s\|.*|;.*|&&.*`)
	aFlag      = regexp.MustCompile(`(?:^|[\s\[(])--([a-z0-9][a-z0-9_-]*)`)
	aName      = regexp.MustCompile(`^[a-z][a-z0-9|-]*$`)
)

// fragments are the pieces of code of a page, a line each: fenced, indented or in backticks.
func fragments(page string) (out []string) {
	for _, code := range inCode.FindAllString(strings.ReplaceAll(page, "\\|", "|"), -1) {
		code = strings.ReplaceAll(strings.Trim(code, "`"), "\\\n", " ")
		for _, line := range strings.Split(code, "\n") {
			out = append(out, strings.TrimSpace(comment.ReplaceAllString(inQuotes.ReplaceAllString(line, "Q"), "")))
		}
	}
	return out
}

// commandOf finds the commands that the words behind "clipgo" name; a word such as a|b names two. wrong is a word that should have
// been one.
func commandOf(root *cobra.Command, words []string) (found []*cobra.Command, wrong string) {
	found = []*cobra.Command{root}
	for _, word := range words {
		if !found[0].HasSubCommands() {
			return found, ""
		}
		var below []*cobra.Command
		for _, name := range strings.Split(word, "|") {
			at := slices.IndexFunc(found[0].Commands(), func(c *cobra.Command) bool { return c.Name() == name })
			if at < 0 {
				if aName.MatchString(word) {
					return found, word
				}
				return found, ""
			}
			below = append(below, found[0].Commands()[at])
		}
		found = below
	}
	return found, ""
}

// unknownIn lists what a line of code names that clipgo doesn't have.
func unknownIn(root *cobra.Command, line string) (out []string) {
	for _, m := range ourCommand.FindAllStringSubmatch(line, -1) {
		rest := endOfLine.ReplaceAllString(m[1], "")
		found, wrong := commandOf(root, strings.Fields(rest))
		if wrong != "" {
			out = append(out, "the command "+wrong)
			continue
		}
		for _, f := range aFlag.FindAllStringSubmatch(rest, -1) {
			has := func(c *cobra.Command) bool { return hasFlag(c, f[1]) }
			if !slices.ContainsFunc(found, has) {
				out = append(out, found[0].CommandPath()+" --"+f[1])
			}
		}
	}
	if strings.HasPrefix(line, "--") {
		for _, f := range aFlag.FindAllStringSubmatch(line, -1) {
			if f[1] != "help" && len(cli.HavingFlag(root, f[1])) == 0 && !hasFlag(root, f[1]) {
				out = append(out, "--"+f[1])
			}
		}
	}
	return out
}

func hasFlag(c *cobra.Command, name string) bool {
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	return c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil
}

// theirs are flags of other programs, which pages name to say what they are here.
var theirs = map[string][]string{
	"docs/coming-from-open_clip.md": nil, // all: the page is about them
	"docs/data.md":                  {"--output_format", "--json-text-key", "--json-text-key-probs"},
	"docs/distributed.md": {"--nnodes", "--array", "--max-restarts", "--redirects", "--tee", "--nodes", "--ntasks-per-node",
		"--gpus-per-task"},
	"docs/evaluation.md": {"--task"},
}

// Pages and the examples of commands name commands and flags that exist.
func TestDocumentsNameCommandsAndFlagsThatExist(t *testing.T) {
	root := newRoot(streams{})
	pages, _ := filepath.Glob("../../docs/*.md")
	lines := 0
	for _, path := range append(pages, "../../README.md", "../../ARCHITECTURE.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		known, about := theirs[name]
		for _, line := range fragments(string(text)) {
			lines++
			for _, what := range unknownIn(root, line) {
				if foreign := strings.HasPrefix(what, "--") && (about && known == nil || slices.Contains(known, what)); !foreign {
					t.Errorf("%s: there is no %s in: %s", name, what, line)
				}
			}
		}
	}
	if lines < 500 {
		t.Errorf("only %d pieces of code were found", lines)
	}
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
			for _, what := range unknownIn(root, inQuotes.ReplaceAllString(line, "Q")) {
				t.Errorf("the example of %s: there is no %s in: %s", c.CommandPath(), what, line)
			}
		}
		for _, sub := range c.Commands() {
			each(sub)
		}
	}
	each(root)
}

func TestUnknownCommandsAndFlagsAreFound(t *testing.T) {
	page := "`clipgo tran`, `clipgo train --no-flag 1`, `--nothing`\n```\nx | clipgo eval nothing\nclipgo embed a \\\n  --no-such\n```\n" +
		"    clipgo info --lists     # --comment\n`clipgo index ls|prune|rim --index DIR`, `clipgo index ls|prune --older 3`\n" +
		"`clipgo search Q --top 3 | other --thing`, `clipgo train --lr 1 --json`, clipgo outside --of-code\n"
	root, found := newRoot(streams{}), []string{}
	for _, line := range fragments(page) {
		found = append(found, unknownIn(root, line)...)
	}
	want := []string{"the command tran", "clipgo train --no-flag", "--nothing", "the command nothing", "clipgo embed --no-such",
		"clipgo info --lists", "the command ls|prune|rim", "clipgo index ls --older"}
	if !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
