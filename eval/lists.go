package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// listLimit is the most bytes that a list of names or templates may have.
const listLimit = 16 << 20

// listLine is an entry of a list and the line that it comes from.
type listLine struct {
	at   int
	text string
}

// ReadNames reads class names: a JSON list of strings, a Python list with one string a line, or one name a line. Byte order marks are
// removed, and empty lines at the end are left out. JSON of any other form is an error, since its text would be taken for names.
func ReadNames(r io.Reader) ([]string, error) {
	lines, err := readList(r)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	var out []string
	for _, l := range lines {
		out = append(out, l.text)
	}
	return out, nil
}

// readList reads the entries of a text file in one of its forms. Entries may be empty, except at the end.
func readList(r io.Reader) ([]listLine, error) {
	data, err := io.ReadAll(io.LimitReader(r, listLimit+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > listLimit:
		return nil, fmt.Errorf("the list has more than %d MB", listLimit>>20)
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, fmt.Errorf("the text is UTF-16; save it as UTF-8")
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fmt.Errorf("this is no text file")
	}
	text := strings.ToValidUTF8(strings.TrimSpace(strings.ReplaceAll(string(data), "\ufeff", "")), "\uFFFD")
	if text == "" {
		return nil, nil
	}
	if json.Valid([]byte(text)) && strings.ContainsRune(`[{"`, rune(text[0])) && text != "{}" {
		return jsonList(text)
	}
	if strings.HasPrefix(text, `{"`) || strings.HasPrefix(text, `["`) && strings.HasSuffix(text, "]") && !strings.Contains(text, "\n") {
		return nil, fmt.Errorf("the text begins like JSON, but is not valid JSON")
	}
	var lines []listLine
	at := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n") {
		at++
		lines = append(lines, listLine{at, strings.TrimSpace(line)})
	}
	if isPython(lines) {
		return pythonList(lines)
	}
	return lines, nil
}

func jsonList(text string) (out []listLine, err error) {
	var list []string
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, fmt.Errorf(`the text is JSON, but not a list of strings such as ["a cat", "a dog"]`)
	}
	for i, s := range list {
		out = append(out, listLine{i + 1, strings.TrimSpace(s)})
	}
	return out, nil
}

var (
	// pythonString is a string literal of Python on a line of its own, perhaps the value of a lambda.
	pythonString = regexp.MustCompile(`^(?:lambda\s+(\w+)\s*:\s*)?[fFuU]?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')` +
		`(?:\.format\(\w+\))?\s*,?$`)
	pythonOpens  = regexp.MustCompile(`^(?:\w+\s*=\s*)?[\[(]$`)
	pythonOther  = regexp.MustCompile(`^(?:\w+\s*=\s*[\[(].+|[\[(]\s*["'].*)$`)
	pythonShuts  = regexp.MustCompile(`^[\])],?$`)
	pythonEscape = regexp.MustCompile(`\\(.)`)
	brackets     = regexp.MustCompile(`\{[^{}]*\}`)
)

// isPython tells whether the lines are a list copied from a Python program: it has lambdas, it is opened as a list, or each line is
// a string literal.
func isPython(lines []listLine) bool {
	literals := 0
	for i, l := range lines {
		if strings.HasPrefix(l.text, "lambda ") || i == 0 && (pythonOpens.MatchString(l.text) || pythonOther.MatchString(l.text)) {
			return true
		}
		if l.text == "" || pythonString.MatchString(l.text) {
			literals++
		}
	}
	return literals == len(lines)
}

// pythonList takes the strings of a Python list. {c} of a lambda becomes {}.
func pythonList(lines []listLine) (out []listLine, err error) {
	for _, l := range lines {
		if l.text == "" || strings.HasPrefix(l.text, "#") || pythonOpens.MatchString(l.text) || pythonShuts.MatchString(l.text) {
			continue
		}
		m := pythonString.FindStringSubmatch(l.text)
		if m == nil {
			return nil, fmt.Errorf("line %d: %.100q is Python code that is not understood; write one entry a line, as plain text",
				l.at, l.text)
		}
		text := pythonEscape.ReplaceAllString(m[2]+m[3], "$1")
		if m[1] != "" {
			text = strings.ReplaceAll(text, "{"+m[1]+"}", "{}")
			if other := brackets.FindString(strings.ReplaceAll(text, "{}", "")); other != "" {
				return nil, fmt.Errorf("line %d: %s is Python code; a template has {} for the class name", l.at, other)
			}
		}
		out = append(out, listLine{l.at, text})
	}
	return out, nil
}
