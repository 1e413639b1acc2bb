package search

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipgo/internal/vec"
)

// Term is one part of a query: a text or the picture in a file, and how much it counts.
type Term struct {
	Weight float64
	Text   string
	Path   string // of a picture; the text is empty then
}

// Encoder turns terms into features of the index's space, normalized or not.
type Encoder interface {
	EncodeText(text string) ([]float32, error)
	EncodeFile(path string) ([]float32, error)
}

// pictures are the extensions that make a term without spaces a path even where there is no such file, so that a
// misspelt path isn't taken for a text.
var pictures = []string{".jpg", ".jpeg", ".png", ".webp", ".gif"}

// Parse reads the arguments of a search, one term each: [+|-][weight:]text or [+|-][weight:]path. A term is a picture
// when it is the path of a file, begins with ./ ../ or /, or looks like a picture's name; a path without a file is
// os.ErrNotExist. Text that begins like a weight is written 1:text.
func Parse(args []string) ([]Term, error) {
	var out []Term
	for _, arg := range args {
		t, err := parseTerm(arg)
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", arg, err)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("query: nothing to search for")
	}
	return out, nil
}

func parseTerm(arg string) (Term, error) {
	t := Term{Weight: 1}
	rest := strings.TrimSpace(arg)
	if sign := strings.IndexAny(rest, "+-"); sign == 0 {
		if rest[0] == '-' {
			t.Weight = -1
		}
		rest = strings.TrimSpace(rest[1:])
	}
	if number, after, ok := strings.Cut(rest, ":"); ok {
		if w, err := strconv.ParseFloat(number, 64); err == nil {
			if !(w > 0) || math.IsInf(w, 0) {
				return t, fmt.Errorf("weight %s is not a positive number", number)
			}
			t.Weight *= w
			rest = strings.TrimSpace(after)
		}
	}
	if rest == "" {
		return t, errors.New("there is no text and no file")
	}
	picture, err := isPicture(rest)
	if picture {
		t.Path = rest
	} else {
		t.Text = rest
	}
	return t, err
}

func isPicture(s string) (bool, error) {
	st, err := os.Stat(s)
	if err == nil && st.Mode().IsRegular() {
		return true, nil
	}
	named := slices.Contains(pictures, strings.ToLower(filepath.Ext(s))) && !strings.ContainsAny(s, " \t\n")
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

// Combine adds the terms' directions by weight and returns the unit vector of the sum, with the paths of the terms
// that are files.
func Combine(terms []Term, e Encoder) (vector []float32, files []string, err error) {
	var sum []float64
	for _, t := range terms {
		encode, what := e.EncodeText, t.Text
		if t.Path != "" {
			encode, what = e.EncodeFile, t.Path
			files = append(files, t.Path)
		}
		v, err := encode(what)
		if err != nil {
			return nil, nil, fmt.Errorf("query %q: %w", what, err)
		}
		unit, err := unitRow(v)
		if err != nil {
			return nil, nil, fmt.Errorf("query %q: %w", what, err)
		}
		if sum == nil {
			sum = make([]float64, len(v))
		}
		if len(v) != len(sum) {
			return nil, nil, fmt.Errorf("query %q: %d values, the term before had %d", what, len(v), len(sum))
		}
		for i, x := range unit {
			sum[i] += t.Weight * x
		}
	}
	return vec.Direction(sum), files, cancels(sum)
}

// cancels refuses a sum without a direction: what remains of "cat" - "cat" is rounding.
func cancels(sum []float64) error {
	var norm float64
	for _, x := range sum {
		norm += x * x
	}
	if norm < 1e-12 {
		return ErrNoDirection
	}
	return nil
}

// unitRow is x over its norm, in float64.
func unitRow(x []float32) ([]float64, error) {
	out := make([]float64, len(x))
	if norm := vec.Unit(out, x); norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("a feature of length %v has no direction", norm)
	}
	return out, nil
}
