package search

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/paths"
)

// Parse reads the arguments of a command line, one term each: [+|-][weight:]text or [+|-][weight:]path. A term is a picture
// when it is the path of a file, begins with ./ ../ or /, or looks like a picture's name; its file is read. A path without a
// file is os.ErrNotExist. Text that begins like a weight is written 1:text.
//
// It looks at the files of this machine, and so is for those who may read them: a server takes ParseTexts.
func Parse(args []string) ([]Term, error) { return parse(args, withFile) }

// ParseTexts is Parse where every term is a text. It looks at no file.
func ParseTexts(args []string) ([]Term, error) {
	return parse(args, func(t Term, text string) (Term, error) {
		t.Text = text
		return t, nil
	})
}

// parse reads terms; content completes a term by what follows its weight.
func parse(args []string, content func(t Term, rest string) (Term, error)) ([]Term, error) {
	var out []Term
	for _, arg := range args {
		t, rest, err := parseWeight(arg)
		if err == nil {
			t, err = content(t, rest)
		}
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", arg, err)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, errors.New("query: nothing to search for")
	}
	return out, nil
}

// parseWeight splits sign and weight off an argument.
func parseWeight(arg string) (t Term, rest string, err error) {
	t.Weight = 1
	rest = strings.TrimSpace(arg)
	if sign := strings.IndexAny(rest, "+-"); sign == 0 {
		if rest[0] == '-' {
			t.Weight = -1
		}
		rest = strings.TrimSpace(rest[1:])
	}
	if number, after, ok := strings.Cut(rest, ":"); ok {
		if w, err := strconv.ParseFloat(number, 64); err == nil {
			if !(w > 0) || math.IsInf(w, 0) {
				return t, rest, fmt.Errorf("weight %s is not a positive number", number)
			}
			t.Weight *= w
			rest = strings.TrimSpace(after)
		}
	}
	if rest == "" {
		return t, rest, errors.New("there is no text and no file")
	}
	return t, rest, nil
}

// withFile decides whether a term is a picture or a text, and reads the picture.
func withFile(t Term, rest string) (Term, error) {
	picture, err := isPicture(rest)
	switch {
	case err != nil:
		return t, err
	case !picture:
		t.Text = rest
		return t, nil
	}
	t.Path = rest
	if t.Picture, err = bounded.ReadFile(rest, bounded.Picture); err == nil && len(t.Picture) == 0 {
		err = errors.New("the file is empty")
	}
	return t, err
}

func isPicture(s string) (bool, error) {
	st, err := os.Stat(s)
	if err == nil && st.Mode().IsRegular() {
		return true, nil
	}
	// What looks like a picture's name is a path even without such a file: a misspelt path isn't a text.
	named := paths.IsPicture(s) && !strings.ContainsAny(s, " \t\n")
	for _, prefix := range []string{"./", "../", "/"} {
		named = named || strings.HasPrefix(s, prefix)
	}
	switch {
	case !named:
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%s is not a file", s)
	}
	return false, err
}
