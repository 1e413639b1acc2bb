package store

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// MaxNames is the maximum number of names that one pattern stands for.
const MaxNames = 1 << 20

// A range in braces is {from..to} or {from..to..step}, of whole numbers or single letters.
var (
	numberRange = regexp.MustCompile(`^(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?$`)
	letterRange = regexp.MustCompile(`^([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d+))?$`)
)

// ExpandBraces lists the names that a pattern stands for, as a shell does: {a,b}, {000..099} with its zeros, and nested braces. The last
// braces vary fastest. Braces around neither a list nor a range are kept as they are.
func ExpandBraces(pattern string) ([]string, error) {
	open, end, err := firstBraces(pattern)
	if err != nil || open < 0 {
		return []string{pattern}, err
	}
	heads, err := alternatives(pattern[open+1 : end])
	if err != nil {
		return nil, err
	}
	tails, err := ExpandBraces(pattern[end+1:])
	if err != nil {
		return nil, err
	}
	if len(heads) > MaxNames/len(tails) {
		return nil, fmt.Errorf("braces stand for more than %d names", MaxNames)
	}
	out := make([]string, 0, len(heads)*len(tails))
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, pattern[:open]+h+t)
		}
	}
	return out, nil
}

// firstBraces finds the first opening brace and the one that closes it; open is -1 without any.
func firstBraces(s string) (open, end int, err error) {
	open, depth := -1, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			if depth == 0 {
				open = i
			}
			depth++
		case '}':
			depth--
			if depth < 0 {
				return 0, 0, errors.New("a brace closes that was not opened")
			}
			if depth == 0 {
				return open, i, nil
			}
		}
	}
	if depth > 0 {
		return 0, 0, errors.New("a brace is not closed")
	}
	return open, 0, nil
}

// alternatives lists what the content of a pair of braces stands for.
func alternatives(inside string) ([]string, error) {
	if parts := splitOutside(inside); len(parts) > 1 {
		var out []string
		for _, p := range parts {
			names, err := ExpandBraces(p)
			if err != nil {
				return nil, err
			}
			if out = append(out, names...); len(out) > MaxNames {
				return nil, fmt.Errorf("braces stand for more than %d names", MaxNames)
			}
		}
		return out, nil
	}
	if m := numberRange.FindStringSubmatch(inside); m != nil {
		return expandNumbers(m[1], m[2], m[3])
	}
	if m := letterRange.FindStringSubmatch(inside); m != nil {
		return expandRange(int64(m[1][0]), int64(m[2][0]), m[3], func(v int64) string { return string(rune(v)) })
	}
	names, err := ExpandBraces(inside)
	for i := range names {
		names[i] = "{" + names[i] + "}"
	}
	return names, err
}

// splitOutside splits at the commas that are outside of inner braces.
func splitOutside(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}

func expandNumbers(from, to, step string) ([]string, error) {
	a, errA := strconv.ParseInt(from, 10, 48)
	b, errB := strconv.ParseInt(to, 10, 48)
	if err := errors.Join(errA, errB); err != nil {
		return nil, fmt.Errorf("range {%s..%s} has too many digits", from, to)
	}
	width := 0
	if zeroPadded(from) || zeroPadded(to) {
		width = max(len(from), len(to))
	}
	return expandRange(a, b, step, func(v int64) string { return fmt.Sprintf("%0*d", width, v) })
}

func zeroPadded(digits string) bool {
	digits = strings.TrimPrefix(digits, "-")
	return len(digits) > 1 && digits[0] == '0'
}

// expandRange counts from a to b inclusive, up or down. The sign of a step doesn't matter, as in a shell.
func expandRange(a, b int64, step string, format func(int64) string) ([]string, error) {
	by := int64(1)
	if step != "" {
		v, err := strconv.ParseInt(step, 10, 48)
		if err != nil || v == 0 {
			return nil, fmt.Errorf("step %s of a range is not a number from 1 on", step)
		}
		by = max(v, -v)
	}
	distance := max(b-a, a-b)
	if distance/by >= MaxNames {
		return nil, fmt.Errorf("braces stand for more than %d names", MaxNames)
	}
	if b < a {
		by = -by
	}
	out := make([]string, 0, distance/max(by, -by)+1)
	for i := range cap(out) {
		out = append(out, format(a+int64(i)*by))
	}
	return out, nil
}
