package store

import (
	"slices"
	"strings"
	"testing"
)

// The lists are what bash prints for the pattern.
func TestBracesExpandAsInAShell(t *testing.T) {
	for pattern, want := range map[string]string{
		"a.tar":                "a.tar",
		"{0..3}.tar":           "0.tar 1.tar 2.tar 3.tar",
		"s/{008..011}.tar":     "s/008.tar s/009.tar s/010.tar s/011.tar",
		"{08..11}":             "08 09 10 11",
		"{8..011}":             "008 009 010 011",
		"{3..1}":               "3 2 1",
		"{0..10..5}":           "0 5 10",
		"{10..0..-5}":          "10 5 0",
		"{0..9..4}":            "0 4 8",
		"{-1..1}":              "-1 0 1",
		"{-01..1}":             "-01 000 001",
		"{a..d}":               "a b c d",
		"{a,b}.tar":            "a.tar b.tar",
		"{,x}y":                "y xy",
		"{a,b}{0..1}":          "a0 a1 b0 b1",
		"x{a,b{1..2},c{d,e}}z": "xaz xb1z xb2z xcdz xcez",
		"{{a,b},c}":            "a b c",
		"{single}.tar":         "{single}.tar",
		"{}":                   "{}",
		"{{a,b}}":              "{a} {b}",
		"{1..x}":               "{1..x}",
	} {
		got, err := ExpandBraces(pattern)
		if err != nil || !slices.Equal(got, strings.Split(want, " ")) {
			t.Errorf("%s: %q, %v; want %s", pattern, got, err, want)
		}
	}
}

func TestBracesThatCantBeMeantAreRefused(t *testing.T) {
	for _, pattern := range []string{
		"{0..3", "0..3}", "{a,{b}", "{0..999999999}", "{0..99999999999999999999}", "{0..9..0}",
		"{0..9999}{0..9999}", strings.Repeat("{a,b}", 40),
	} {
		if got, err := ExpandBraces(pattern); err == nil {
			t.Errorf("%s stands for %d names; want an error", pattern, len(got))
		}
	}
}
