package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"clipgo/text/tokenizer/trie"
)

// splitter appends the pieces into which a piece is split, none of them empty.
type splitter func(dst []piece, p piece) []piece

func readPreTokenizer(raw json.RawMessage) ([]splitter, error) {
	parts, err := flatten(raw, "pretokenizers", 0)
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer: %w", err)
	}
	all := []splitter{keep}
	for i, p := range parts {
		s, first, err := readSplitter(p)
		if err == nil && first && i > 0 {
			err = errors.New(`a Metaspace with prepend_scheme "first" behind others isn't supported`)
		}
		if err != nil {
			return nil, fmt.Errorf("pre-tokenizer: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}

// readSplitter also returns whether the splitter depends on the piece's position in the caption.
func readSplitter(raw json.RawMessage) (s splitter, first bool, err error) {
	name, err := typeOf(raw)
	if err != nil {
		return nil, false, err
	}
	switch name {
	case "Metaspace":
		m, err := readMetaspace(raw)
		return m.cut, m.prepend == "first", err
	case "ByteLevel":
		b, err := readByteLevel(raw)
		return b.cut, false, err
	case "Split":
		s, err := readSplit(raw)
		return s, false, err
	case "WhitespaceSplit":
		var none struct {
			Type string `json:"type"`
		}
		return atWhiteSpace, false, strict(raw, &none)
	}
	return nil, false, fmt.Errorf("%q isn't supported", name)
}

// keep splits nothing.
func keep(dst []piece, p piece) []piece {
	if p.text == "" {
		return dst
	}
	return append(dst, p)
}

func atWhiteSpace(dst []piece, p piece) []piece {
	start := -1
	for i, r := range p.text {
		switch space := unicode.IsSpace(r); {
		case space && start >= 0:
			dst, start = p.slice(dst, start, i), -1
		case !space && start < 0:
			start = i
		}
	}
	if start >= 0 {
		dst = p.slice(dst, start, len(p.text))
	}
	return dst
}

// slice appends a part of the piece, if it isn't empty.
func (p piece) slice(dst []piece, start, end int) []piece {
	if start == end {
		return dst
	}
	return append(dst, piece{text: p.text[start:end], id: trie.None, first: p.first && start == 0})
}

// metaspace replaces each blank by a symbol, and may add one before the text.
type metaspace struct {
	symbol  string
	prepend string // "always", "first" (only where the caption begins) or "never"
	split   bool   // before each symbol
}

func readMetaspace(raw json.RawMessage) (m metaspace, err error) {
	spec := struct {
		Type    string `json:"type"`
		Symbol  string `json:"replacement"`
		Prefix  *bool  `json:"add_prefix_space"`
		Prepend string `json:"prepend_scheme"`
		Split   *bool  `json:"split"`
		Written string `json:"str_rep"`
	}{Prepend: "always"}
	if err := strict(raw, &spec); err != nil {
		return m, err
	}
	if spec.Prefix != nil && !*spec.Prefix {
		spec.Prepend = "never"
	}
	if utf8.RuneCountInString(spec.Symbol) != 1 {
		return m, fmt.Errorf("a Metaspace writes %q instead of one character", spec.Symbol)
	}
	if !slices.Contains([]string{"always", "first", "never"}, spec.Prepend) {
		return m, fmt.Errorf("prepend_scheme %q isn't supported", spec.Prepend)
	}
	return metaspace{spec.Symbol, spec.Prepend, spec.Split == nil || *spec.Split}, nil
}

func (m metaspace) cut(dst []piece, p piece) []piece {
	p.text = strings.ReplaceAll(p.text, " ", m.symbol)
	if (m.prepend == "always" || m.prepend == "first" && p.first) && !strings.HasPrefix(p.text, m.symbol) {
		p.text = m.symbol + p.text
	}
	if !m.split {
		return keep(dst, p)
	}
	for start := 0; start < len(p.text); {
		end := len(p.text)
		if at := strings.Index(p.text[start+1:], m.symbol); at >= 0 {
			end = start + 1 + at
		}
		dst = p.slice(dst, start, end)
		start = end
	}
	return dst
}

func readSplit(raw json.RawMessage) (splitter, error) {
	var spec struct {
		Type     string      `json:"type"`
		Pattern  patternSpec `json:"pattern"`
		Behavior string      `json:"behavior"`
		Invert   bool        `json:"invert"`
	}
	if err := strict(raw, &spec); err != nil {
		return nil, err
	}
	p, err := spec.Pattern.compile()
	if err != nil {
		return nil, err
	}
	arrange, ok := behaviors(spec.Behavior)
	if !ok {
		return nil, fmt.Errorf("a Split with behavior %q isn't supported", spec.Behavior)
	}
	return func(dst []piece, at piece) []piece {
		spans := p.find(at.text)
		if spec.Invert {
			for i := range spans {
				spans[i].match = !spans[i].match
			}
		}
		for _, s := range arrange(spans) {
			dst = at.slice(dst, s.start, s.end)
		}
		return dst
	}, nil
}

// behaviors returns the treatment of the spans that match.
func behaviors(name string) (func([]span) []span, bool) {
	switch name {
	case "Isolated":
		return func(s []span) []span { return s }, true
	case "Removed":
		return func(s []span) []span { return slices.DeleteFunc(s, func(s span) bool { return s.match }) }, true
	case "Contiguous":
		return func(s []span) []span { return join(s, func(a, b span) bool { return a.match == b.match }) }, true
	case "MergedWithPrevious":
		return func(s []span) []span { return join(s, func(a, b span) bool { return b.match && !a.match }) }, true
	case "MergedWithNext":
		return func(s []span) []span { return join(s, func(a, b span) bool { return a.match && !b.match }) }, true
	}
	return nil, false
}

// join joins neighboring spans that belong together.
func join(spans []span, together func(a, b span) bool) []span {
	var out []span
	for i, s := range spans {
		if i > 0 && together(spans[i-1], s) {
			out[len(out)-1].end = s.end
			continue
		}
		out = append(out, s)
	}
	return out
}
