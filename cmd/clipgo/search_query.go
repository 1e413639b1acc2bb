package main

import (
	"strings"

	"github.com/spf13/cobra"

	"clipgo/search"
)

// queryFlags are the parts of a query that are given by flags. Their values are taken as they are typed, so they are no settings of
// --set.
type queryFlags struct{ plus, minus, text, image []string }

func (q *queryFlags) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&q.plus, "plus", nil, "add a `QUERY`, a text or a picture's path (repeated)")
	f.StringArrayVar(&q.minus, "minus", nil, "subtract a `QUERY` (repeated)")
	f.StringArrayVar(&q.text, "text", nil, "add a `TEXT`, even if it looks like a path (repeated)")
	f.StringArrayVar(&q.image, "image", nil, "add the picture of a `PATH` (repeated)")
}

// terms are all parts of the query.
func (q *queryFlags) terms(args []string) (out []search.Term, err error) {
	if n := len(q.plus) + len(q.minus) + len(q.text) + len(q.image); n == 0 || len(args) > 0 {
		if out, err = search.Parse(args); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		values []string
		read   func(string) (search.Term, error)
		sign   float64
	}{{q.plus, search.ParseQuery, 1}, {q.text, search.ParseText, 1}, {q.image, search.ParsePicture, 1}, {q.minus, search.ParseQuery, -1}} {
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
