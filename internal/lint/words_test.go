package lint

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

//go:embed words.txt
var wordList string

// wordFinder finds the words of the list.
type wordFinder struct {
	pattern *regexp.Regexp
	instead map[string]string
}

func readWords(list string) wordFinder {
	w := wordFinder{instead: map[string]string{}}
	var all []string
	for line := range strings.Lines(list) {
		if word, instead, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			w.instead[word] = instead
			all = append(all, strings.ReplaceAll(regexp.QuoteMeta(word), " ", `\s+`))
		}
	}
	w.pattern = regexp.MustCompile(`(?i)\b(` + strings.Join(all, "|") + `)\b`)
	return w
}

var badWords = readWords(wordList)

func (w wordFinder) in(text string) (bad []string) {
	for _, found := range w.pattern.FindAllString(text, -1) {
		word := strings.ToLower(strings.Join(strings.Fields(found), " "))
		if instead := w.instead[word]; instead != "allowed" {
			bad = append(bad, fmt.Sprintf("%q (%s)", word, instead))
		}
	}
	return bad
}

// words looks through a file's comments and strings. A comment's lines are one text: phrases may be broken over lines.
func words(s *source) (bad []string) {
	add := func(n ast.Node, text string) {
		for _, b := range badWords.in(text) {
			bad = append(bad, s.at(n)+": "+b)
		}
	}
	for _, g := range s.Comments {
		var lines []string
		for _, c := range g.List {
			lines = append(lines, strings.TrimLeft(c.Text, "/* \t"))
		}
		add(g, strings.Join(lines, " "))
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			add(lit, lit.Value)
		}
		return true
	})
	return bad
}

// lineLimit is in columns; a tab counts as four.
const lineLimit = 140

func lines(s *source) (bad []string) {
	n := 0
	for line := range strings.Lines(string(s.content)) {
		n++
		columns := utf8.RuneCountInString(strings.TrimRight(line, "\n")) + 3*strings.Count(line, "\t")
		if columns > lineLimit && !strings.Contains(line, " flag:\"") { // a struct tag is one literal
			bad = append(bad, fmt.Sprintf("%s:%d: %d columns", s.name, n, columns))
		}
	}
	return bad
}

func TestWordsAndLines(t *testing.T) {
	for _, p := range load(t) {
		for _, s := range p.files {
			report(t, lines(s))
			if p.dir != "internal/lint" { // which quotes them
				report(t, words(s))
			}
		}
	}
}
