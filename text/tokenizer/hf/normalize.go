package hf

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"

	"clipgo/text/tokenizer/sentencepiece"
)

// rewrite changes a text; first is whether it begins at the start of the caption, which Metaspace needs later. It may stop as soon as the
// result has most bytes.
type rewrite func(text string, first bool, most int) (string, bool)

func readNormalizer(raw json.RawMessage) (rewrite, error) {
	parts, err := flatten(raw, "normalizers", 0)
	if err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if len(parts) > maxSteps {
		return nil, fmt.Errorf("normalizer: %d steps; the limit is %d", len(parts), maxSteps)
	}
	var all []rewrite
	for _, p := range parts {
		r, err := readRewrite(p)
		if err != nil {
			return nil, fmt.Errorf("normalizer: %w", err)
		}
		all = append(all, r)
	}
	normalize := func(text string, first bool, most int) (string, bool) {
		for _, r := range all {
			if text, first = r(text, first, most); len(text) >= most {
				return cut(text, most), first
			}
		}
		return text, first
	}
	if err := probe(normalize, parts); err != nil {
		return nil, err
	}
	return normalize, nil
}

func readRewrite(raw json.RawMessage) (rewrite, error) {
	name, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	var none struct {
		Type string `json:"type"`
	}
	switch name {
	case "Replace":
		return readReplace(raw)
	case "Prepend":
		return readPrepend(raw)
	case "Strip":
		return readStrip(raw)
	case "Precompiled":
		return readPrecompiled(raw)
	case "NFC":
		return form(norm.NFC), strict(raw, &none)
	case "NFD":
		return form(norm.NFD), strict(raw, &none)
	case "NFKC":
		return form(norm.NFKC), strict(raw, &none)
	case "NFKD":
		return form(norm.NFKD), strict(raw, &none)
	case "Lowercase":
		return lower, strict(raw, &none)
	}
	return nil, fmt.Errorf("%q isn't supported", name)
}

func form(f norm.Form) rewrite {
	return func(text string, first bool, _ int) (string, bool) { return f.String(text), first }
}

// lower is lower case character by character: without final sigma, but the dotted capital I becomes two characters.
func lower(text string, first bool, _ int) (string, bool) {
	if strings.Contains(text, "\u0130") {
		text = strings.ReplaceAll(text, "\u0130", "i\u0307")
	}
	return strings.ToLower(text), first
}

func readReplace(raw json.RawMessage) (rewrite, error) {
	var spec struct {
		Type    string      `json:"type"`
		Pattern patternSpec `json:"pattern"`
		Content string      `json:"content"`
	}
	if err := strict(raw, &spec); err != nil {
		return nil, err
	}
	p, err := spec.Pattern.compile()
	if err != nil {
		return nil, err
	}
	return func(text string, first bool, most int) (string, bool) {
		spans := p.find(text)
		if len(spans) == 0 || len(spans) == 1 && !spans[0].match {
			return text, first
		}
		if s := spans[0]; s.match && (spec.Content == "" || s.end > width(text)) {
			first = false
		}
		var out strings.Builder
		for _, s := range spans {
			if out.Len() >= most {
				break
			}
			if s.match {
				out.WriteString(spec.Content)
				continue
			}
			out.WriteString(text[s.start:s.end])
		}
		return out.String(), first
	}, nil
}

// width is the length of the text's first character.
func width(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}

func readPrepend(raw json.RawMessage) (rewrite, error) {
	var spec struct {
		Type    string `json:"type"`
		Prepend string `json:"prepend"`
	}
	return func(text string, first bool, _ int) (string, bool) {
		if text == "" {
			return text, first
		}
		return spec.Prepend + text, first
	}, strict(raw, &spec)
}

func readStrip(raw json.RawMessage) (rewrite, error) {
	var spec struct {
		Type  string `json:"type"`
		Left  bool   `json:"strip_left"`
		Right bool   `json:"strip_right"`
	}
	return func(text string, first bool, _ int) (string, bool) {
		if spec.Right {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		}
		if spec.Left {
			was := len(text)
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
			first = first && len(text) == was
		}
		return text, first
	}, strict(raw, &spec)
}

// longestCluster is the number of bytes from which on a cluster of characters is not looked up as a whole.
const longestCluster = 6

func readPrecompiled(raw json.RawMessage) (rewrite, error) {
	var spec struct {
		Type     string `json:"type"`
		Charsmap []byte `json:"precompiled_charsmap"`
	}
	if err := strict(raw, &spec); err != nil {
		return nil, err
	}
	rules, err := sentencepiece.ReadCharsmap(spec.Charsmap)
	if err != nil {
		return nil, err
	}
	return func(text string, first bool, most int) (string, bool) { return precompiled(rules, text, most), first }, nil
}

// precompiled applies rules as the library does, which differs from SentencePiece: a cluster of characters is replaced by the shortest
// rule with which it begins; without one, each of its characters is replaced.
func precompiled(rules *sentencepiece.Charsmap, text string, most int) string {
	var out strings.Builder
	out.Grow(len(text))
	state := -1
	for len(text) > 0 && out.Len() < most {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if len(cluster) < longestCluster {
			if with, n := rules.Shortest(cluster); n > 0 {
				out.WriteString(with)
				continue
			}
		}
		for len(cluster) > 0 {
			n := width(cluster)
			if with, found := rules.Shortest(cluster[:n]); found > 0 {
				out.WriteString(with)
			} else {
				out.WriteString(cluster[:n])
			}
			cluster = cluster[n:]
		}
	}
	return out.String()
}
