package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clipgo/search"
)

// queryFlags are the parts of a query that are given by flags.
type queryFlags struct {
	Plus  []string `json:"plus,omitempty" flag:"plus" repeat:"true" arg:"query" help:"add a text or a picture (repeated)"`
	Minus []string `json:"minus,omitempty" flag:"minus" repeat:"true" arg:"query" help:"subtract a text or a picture (repeated)"`
	Text  []string `json:"text,omitempty" flag:"text" repeat:"true" arg:"text" help:"add a text, even if it looks like a path (repeated)"`
	Image []string `json:"image,omitempty" flag:"image" repeat:"true" arg:"path" help:"add a picture (repeated)"`
	Where []string `json:"where,omitempty" flag:"where" repeat:"true" arg:"cond" help:"only pictures with COL=VALUE in a column of embed --metadata; or != < <= > >= (repeated)"`
}

// terms are all parts of the query.
func (q *queryFlags) terms(args []string) (out []search.Term, err error) {
	if n := len(q.Plus) + len(q.Minus) + len(q.Text) + len(q.Image); n == 0 || len(args) > 0 {
		if out, err = search.Parse(args); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		values []string
		read   func(string) (search.Term, error)
		sign   float64
	}{{q.Plus, search.ParseQuery, 1}, {q.Text, search.ParseText, 1}, {q.Image, search.ParsePicture, 1}, {q.Minus, search.ParseQuery, -1}} {
		for _, value := range f.values {
			t, err := f.read(value)
			if err != nil {
				return nil, err
			}
			t.Weight *= f.sign
			out = append(out, t)
		}
	}
	return out, nil
}

func describeTerms(terms []search.Term) string {
	var parts []string
	for _, t := range terms {
		parts = append(parts, t.String())
	}
	return strings.Join(parts, ", ")
}

// afterDashes refuses flags behind --, where they would be parts of the query.
func afterDashes(c *cobra.Command, args []string) error {
	at := c.ArgsLenAtDash()
	if at < 0 {
		return nil
	}
	for _, arg := range args[at:] {
		name, _, _ := strings.Cut(arg, "=")
		long, isLong := strings.CutPrefix(name, "--")
		short, isShort := strings.CutPrefix(name, "-")
		if isLong && c.Flag(long) != nil || isShort && len(short) == 1 && c.Flags().ShorthandLookup(short) != nil {
			return usagef("%s is behind --, where everything is a query: put it before the --, or search for it with --text=%s", arg, arg)
		}
	}
	return nil
}
