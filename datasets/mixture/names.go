// Package mixture holds what a mixture of several data sources needs apart from their samples: the form of its name, A::B, the weights of
// the sources, and the order in which slots are dealt out to them.
package mixture

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// separator is between the parts of a name, as in open_clip.
const separator = "::"

// Split returns the parts of A::B; a name without separator is its only part. A separator in square brackets, as in the address
// http://[::1]/a.tar, doesn't count.
func Split(name string) []string {
	var parts []string
	from, depth := 0, 0
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '[':
			depth++
		case name[i] == ']':
			depth = max(0, depth-1)
		case depth == 0 && strings.HasPrefix(name[i:], separator):
			parts = append(parts, name[from:i])
			from, i = i+len(separator), i+len(separator)-1
		}
	}
	return append(parts, name[from:])
}

// Join is the name of a mixture of parts.
func Join(parts []string) string { return strings.Join(parts, separator) }

// Bounds of a factor. Outside of them one of the sources would hardly ever be drawn.
const (
	leastFactor = 1e-6
	mostFactor  = 1e6
)

// ParseFactors reads factors, such as 2::1, for the parts of a mixture. Empty text has none: nil.
func ParseFactors(text string, parts int) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var out []float64
	for i, one := range strings.Split(text, separator) {
		v, err := strconv.ParseFloat(strings.TrimSpace(one), 64)
		switch {
		case errors.Is(err, strconv.ErrSyntax), v != v:
			return nil, fmt.Errorf("factor %d of %q is not a number; write one for each source, such as 2%s1", i+1, text, separator)
		case v <= 0:
			return nil, fmt.Errorf("factor %d of %q is not above 0; to leave a source out, leave its name out", i+1, text)
		case v < leastFactor || v > mostFactor:
			return nil, fmt.Errorf("factor %d of %q is not between %g and %g", i+1, text, leastFactor, mostFactor)
		}
		out = append(out, v)
	}
	if len(out) != parts {
		return nil, fmt.Errorf("%q has %s, but the data has %s", text, count(len(out), "factor"), count(parts, "source"))
	}
	return out, nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
