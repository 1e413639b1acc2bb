package hf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// patternSpec is a literal or a regular expression.
type patternSpec struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

// pattern finds the matches of a patternSpec in a text.
type pattern struct {
	literal string
	regex   *regexp.Regexp
}

// span is a part of a text: a match, or the text between matches.
type span struct {
	start, end int
	match      bool
}

func (s patternSpec) compile() (pattern, error) {
	switch {
	case s.String != nil && s.Regex == nil && *s.String != "":
		return pattern{literal: *s.String}, nil
	case s.Regex != nil && s.String == nil:
		re, err := translate(*s.Regex)
		if err != nil {
			return pattern{}, fmt.Errorf("pattern %q isn't supported: %w", *s.Regex, err)
		}
		return pattern{regex: re}, nil
	}
	return pattern{}, errors.New("a pattern is a string that is not empty or a regular expression")
}

// whiteSpace is \s in Unicode, for the inside of a class.
const whiteSpace = `\t-\r\x{85}\p{Z}`

// translate compiles an expression that has the same meaning in Go and in the library (Oniguruma): characters, classes, alternatives,
// greedy repetition, ?, \s \A \z \p{L}. Everything else is an error, as is an expression that matches the empty string.
func translate(expr string) (*regexp.Regexp, error) {
	var out strings.Builder
	class := false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case c == '\\':
			n, err := escape(&out, expr[i:], class)
			if err != nil {
				return nil, err
			}
			i += n - 1
			continue
		case c == '?' && !class && i > 0 && strings.IndexByte("*+?|}", expr[i-1]) < 0: // greedy: optional
		case strings.IndexByte("^$.()?", c) >= 0 && !(c == '^' && class && expr[i-1] == '['):
			return nil, fmt.Errorf("%q in it", string(c))
		case class && strings.IndexByte("[&", c) >= 0:
			return nil, fmt.Errorf("%q in a class", string(c))
		case c == '[':
			class = true
		case c == ']':
			class = false
		}
		out.WriteByte(expr[i])
	}
	re, err := regexp.Compile(out.String())
	if err == nil && re.MatchString("") {
		err = errors.New("it matches nothing at all")
	}
	return re, err
}

// escape writes the translation of the escape at the start of an expression, and returns its length.
func escape(out *strings.Builder, expr string, class bool) (int, error) {
	switch {
	case len(expr) < 2:
		return 0, errors.New("it ends with a backslash")
	case expr[1] == 's' && class:
		out.WriteString(whiteSpace)
		return 2, nil
	case expr[1] == 's':
		out.WriteString("[" + whiteSpace + "]")
		return 2, nil
	case (expr[1] == 'A' || expr[1] == 'z') && !class, expr[1] < 0x80 && !alphanumeric(expr[1]):
		out.WriteString(expr[:2])
		return 2, nil
	case len(expr) >= 5 && (expr[:5] == `\p{L}` || expr[:5] == `\p{N}`):
		out.WriteString(expr[:5])
		return 5, nil
	}
	return 0, fmt.Errorf("%q in it", expr[:2])
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// find splits the text into spans, none of them empty.
func (p pattern) find(text string) []span {
	var spans []span
	last := 0
	add := func(start, end int) {
		if last < start {
			spans = append(spans, span{last, start, false})
		}
		spans = append(spans, span{start, end, true})
		last = end
	}
	if p.regex != nil {
		for _, m := range p.regex.FindAllStringIndex(text, -1) {
			add(m[0], m[1])
		}
	} else {
		for {
			at := strings.Index(text[last:], p.literal)
			if at < 0 {
				break
			}
			add(last+at, last+at+len(p.literal))
		}
	}
	if last < len(text) {
		spans = append(spans, span{last, len(text), false})
	}
	return spans
}
