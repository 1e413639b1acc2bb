package search

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/paths"
)

// Parse reads the arguments of a command line, one term each: [+|-]QUERY, or with a weight +2:QUERY and -0.5:QUERY. Without a sign
// nothing is a weight: "16:9 photo" is a text. A QUERY is a picture when it is the path of a file that holds one, begins with ./ ../
// or /, or looks like a picture's name; its file is read. A path without a file is os.ErrNotExist.
//
// It looks at the files of this machine, and so is for those who may read them: a server takes ParseTexts.
func Parse(args []string) ([]Term, error) { return parse(args, parseSigned, withFile) }

// ParseTexts is Parse where every term is a text. It looks at no file.
func ParseTexts(args []string) ([]Term, error) { return parse(args, parseSigned, withText) }

// ParseText reads a text that is taken as it is, but for a weight in front of it: +2:TEXT.
func ParseText(arg string) (Term, error) { return parseOne(arg, parsePlain, withText) }

// ParsePicture reads the path of a picture, perhaps with a weight in front of it: +2:PATH.
func ParsePicture(arg string) (Term, error) { return parseOne(arg, parsePlain, withPicture) }

// ParseQuery reads a QUERY of Parse that has no sign of its own, perhaps with a weight in front of it: +2:QUERY.
func ParseQuery(arg string) (Term, error) { return parseOne(arg, parsePlain, withFile) }

// parse reads terms: weight splits off how much one counts, content completes it by the rest.
func parse(args []string, weight func(string) (Term, string, error), content func(Term, string) (Term, error)) (out []Term, err error) {
	for _, arg := range args {
		t, err := parseOne(arg, weight, content)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, errors.New("query: nothing to search for")
	}
	return out, nil
}

func parseOne(arg string, weight func(string) (Term, string, error), content func(Term, string) (Term, error)) (Term, error) {
	t, rest, err := weight(strings.TrimSpace(arg))
	if err == nil && rest == "" {
		err = errors.New("there is no text and no file")
	}
	if err == nil {
		t, err = content(t, rest)
	}
	if err != nil {
		return t, fmt.Errorf("query %q: %w", arg, err)
	}
	return t, nil
}

// parseSigned splits a sign, and a weight behind it, off an argument.
func parseSigned(arg string) (t Term, rest string, err error) {
	t.Weight = 1
	if arg == "" || arg[0] != '+' && arg[0] != '-' {
		return t, arg, nil
	}
	if arg[0] == '-' {
		t.Weight = -1
	}
	rest = strings.TrimSpace(arg[1:])
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		return t, rest, errors.New("there are two signs")
	}
	weight, rest, err := cutWeight(rest)
	t.Weight *= weight
	return t, rest, err
}

// parsePlain splits a weight with its plus off a value.
func parsePlain(arg string) (t Term, rest string, err error) {
	after, plus := strings.CutPrefix(arg, "+")
	t.Weight, rest, err = cutWeight(after)
	if !plus || rest == after && err == nil {
		return Term{Weight: 1}, arg, nil
	}
	return t, rest, err
}

var weightPrefix = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?:`)

// cutWeight splits a number and a colon off; without them the weight is 1.
func cutWeight(text string) (weight float64, rest string, err error) {
	number := weightPrefix.FindString(text)
	if number == "" {
		return 1, text, nil
	}
	weight, err = strconv.ParseFloat(number[:len(number)-1], 64)
	if err != nil || !(weight > 0) {
		return 1, text, fmt.Errorf("weight %s is not a positive number", number[:len(number)-1])
	}
	return weight, strings.TrimSpace(text[len(number):]), nil
}

func withText(t Term, text string) (Term, error) {
	t.Text = text
	return t, nil
}

// withFile decides whether a term is a picture or a text.
func withFile(t Term, rest string) (Term, error) {
	if scheme, _, ok := strings.Cut(rest, "://"); ok && (scheme == "http" || scheme == "https") && !strings.ContainsAny(rest, " \t\n") {
		return t, errors.New("downloads are not supported; save the picture first and name its file")
	}
	rest = paths.FromText(rest) // as JSON writes a name that isn't UTF-8
	picture, err := isPicture(rest)
	switch {
	case err != nil:
		return t, err
	case !picture:
		return withText(t, rest)
	}
	return withPicture(t, rest)
}

// withPicture reads a picture.
func withPicture(t Term, path string) (_ Term, err error) {
	t.Path = paths.FromText(path)
	if t.Picture, err = bounded.ReadFile(t.Path, bounded.Picture); err == nil && len(t.Picture) == 0 {
		err = errors.New("the file is empty")
	}
	return t, err
}

// isPicture tells a path from a text. A word is a picture only if the file of this name holds one; what is written as a path is always
// meant as one.
func isPicture(s string) (bool, error) {
	st, err := os.Stat(s)
	there := err == nil && st.Mode().IsRegular()
	// What looks like a picture's name is a path even without such a file: a misspelt path isn't a text.
	named := paths.IsPicture(s) && (there || !strings.ContainsAny(s, " \t\n"))
	for _, prefix := range []string{"./", "../", "/"} {
		named = named || strings.HasPrefix(s, prefix)
	}
	switch {
	case there:
		return named || holdsPicture(s), nil
	case !named:
		return false, nil
	case err == nil:
		return false, fmt.Errorf("%s is not a file", s)
	}
	return false, err
}

// holdsPicture tells by its first bytes whether a file is a picture.
func holdsPicture(path string) bool {
	f, err := bounded.Open(path, bounded.Picture)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [16]byte
	_, _ = io.ReadFull(f, head[:]) // a shorter file has zeros
	text := string(head[:])
	for _, begins := range []string{"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a", "II*\x00", "MM\x00*"} {
		if strings.HasPrefix(text, begins) {
			return true
		}
	}
	return text[:4] == "RIFF" && text[8:12] == "WEBP" || text[:2] == "BM" && text[6:10] == "\x00\x00\x00\x00"
}
