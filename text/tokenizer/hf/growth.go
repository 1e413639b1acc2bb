package hf

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"clipgo/text/tokenizer/sentencepiece"
)

// maxSteps bounds the steps of a normalizer; real ones have fewer than ten.
const maxSteps = 64

// cut shortens a text to at most so many bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most = max(most, 0)
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// probed is the number of bytes of a text on which a normalizer is tried.
const probed = 1 << 12

// probe tries a normalizer on texts of what its steps replace. One that makes them longer than a text may become is an error: it would cut
// captions, and was made to take memory.
func probe(normalize rewrite, steps []json.RawMessage) error {
	texts := map[string]bool{"a": true, " ": true, "a ": true, "A.,'1\u00e9": true}
	for _, raw := range steps {
		var spec struct {
			Pattern struct{ String, Regex string }
		}
		if json.Unmarshal(raw, &spec) == nil {
			texts[spec.Pattern.String] = true
		}
	}
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		if text == "" || len(text) > probed {
			continue
		}
		text = strings.Repeat(text, probed/len(text))
		most := sentencepiece.Longest(len(text))
		if got, _ := normalize(text, true, most+1); len(got) >= most {
			return fmt.Errorf("normalizer: it makes a text of %d bytes longer than %d", len(text), most)
		}
	}
	return nil
}
