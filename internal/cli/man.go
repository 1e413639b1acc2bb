package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"clipgo/internal/durable"
)

// WriteManual writes the manual page of a command and those of the commands below it into a directory; n is their number.
func WriteManual(c *cobra.Command, dir, version string) (n int, err error) {
	if c.Name() == "help" {
		return 0, nil
	}
	path := filepath.Join(dir, pageName(c)+".1")
	write := func(w io.Writer) error { _, err := io.WriteString(w, page(c, version)); return err }
	if err := durable.WriteFile(path, 0o644, write); err != nil {
		return 0, err
	}
	n = 1
	for _, sub := range c.Commands() {
		below, err := WriteManual(sub, dir, version)
		if n += below; err != nil {
			return n, err
		}
	}
	return n, nil
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// pageDate is the date of the pages, which is empty without SOURCE_DATE_EPOCH: the same program writes the same pages.
func pageDate() string {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format("2006-01-02")
}

// page is the manual page of a command in roff's man macros.
func page(c *cobra.Command, version string) string {
	var b strings.Builder
	put := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	put(`.TH "%s" "1" "%s" "clipgo %s" "clipgo"`, strings.ToUpper(pageName(c)), pageDate(), roff(version))
	put(".SH NAME\n%s \\- %s", roff(pageName(c)), roff(c.Short))
	put(".SH SYNOPSIS")
	if c.HasAvailableSubCommands() {
		put(".B %s\n.I COMMAND", roff(c.CommandPath()))
	} else {
		put(".B %s\n%s", roff(c.CommandPath()), roff(strings.TrimSpace(strings.TrimPrefix(c.UseLine(), c.CommandPath()))))
	}
	put(".SH DESCRIPTION\n%s", paragraphs(cmp.Or(c.Long, c.Short)))
	groups, _ := Groups(c, true)
	put(".SH OPTIONS")
	for _, g := range groups {
		put(".SS %s", roff(g.Title))
		g.Flags.VisitAll(func(f *pflag.Flag) { putFlag(put, f) })
	}
	if c.HasExample() {
		put(".SH EXAMPLES\n.EX\n%s\n.EE", roff(c.Example))
	}
	put(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 data rejected, 4 model or index rejected, 75 in use by another process, " +
		"130 interrupted with the state saved.")
	put(".SH SEE ALSO")
	if c.HasParent() {
		put(".BR %s (1)", roff(pageName(c.Parent())))
	}
	for _, sub := range c.Commands() {
		if sub.Name() != "help" {
			put(".BR %s (1)", roff(pageName(sub)))
		}
	}
	return b.String()
}

func putFlag(put func(string, ...any), f *pflag.Flag) {
	arg, usage := pflag.UnquoteUsage(f)
	name := `\-\-` + roff(f.Name)
	if f.Shorthand != "" {
		name = `\-` + f.Shorthand + ", " + name
	}
	put(".TP\n\\fB%s\\fR \\fI%s\\fR\n%s", name, roff(arg), roff(usage))
}

// indented matches a paragraph whose lines are kept as they are.
var indented = regexp.MustCompile(`(?m)^ `)

// paragraphs sets text: an indented paragraph keeps its lines.
func paragraphs(text string) string {
	var out []string
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if indented.MatchString(p) {
			out = append(out, ".EX\n"+roff(p)+"\n.EE")
		} else {
			out = append(out, roff(p))
		}
	}
	return strings.Join(out, "\n.PP\n")
}

// roff escapes what roff reads as a request: backslashes, hyphens, and a dot or a quote at the beginning of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	return regexp.MustCompile(`(?m)^([.'])`).ReplaceAllString(text, `\&$1`)
}
