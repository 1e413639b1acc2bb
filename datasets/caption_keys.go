package datasets

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets/table"
)

// captionKeys are the names of a sample's captions, the best first. With weights training draws one of them.
type captionKeys struct {
	names   []string
	weights []float32 // as many as names, or nil
	asked   bool      // the user names them
}

// guessedKeys are the names under which a JSON object has a caption, if the user names none.
var guessedKeys = []string{listKey, "caption", "text"}

// listKey is the name of a list of captions, as package pack writes it.
const listKey = "captions"

// textKey is the name of the text beside a JSON object.
const textKey = "txt"

// captionKeys are those of CaptionKey or, of tables, CSVCaptionKey; without any they are to be guessed.
func (o Options) captionKeys(src string) (k captionKeys, err error) {
	if o.CaptionKey == "" && o.CSVCaptionKey != "" {
		return captionKeys{names: []string{o.CSVCaptionKey}, asked: true}, o.noWeights(src)
	}
	if o.CaptionKey == "" {
		return captionKeys{}, o.noWeights(src)
	}
	if o.CSVCaptionKey != "" {
		return k, &UsageError{Source: src, Reason: "caption_key and csv_caption_key name the same; give one of them"}
	}
	k.asked = true
	for name := range strings.SplitSeq(o.CaptionKey, ";") {
		if name = strings.TrimSpace(name); name == "" || slices.Contains(k.names, name) {
			return k, &UsageError{Source: src, Reason: fmt.Sprintf("caption_key %q has an empty name, or one twice", o.CaptionKey)}
		}
		k.names = append(k.names, name)
	}
	if o.CaptionKeyWeights == "" {
		return k, nil
	}
	for text := range strings.SplitSeq(o.CaptionKeyWeights, ";") {
		w, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
		if err != nil || !(w > 0 && w <= 1e6) {
			return k, &UsageError{Source: src, Reason: fmt.Sprintf("caption_key_weights: %q is not a number above 0", text)}
		}
		k.weights = append(k.weights, float32(w))
	}
	if len(k.weights) != len(k.names) {
		return k, &UsageError{Source: src, Reason: fmt.Sprintf("caption_key_weights has %d numbers, but caption_key %d names",
			len(k.weights), len(k.names))}
	}
	return k, nil
}

// jsonKeys are those of CaptionKey alone: CSVCaptionKey is for tables.
func (o Options) jsonKeys(src string) (captionKeys, error) {
	o.CSVCaptionKey = ""
	return o.captionKeys(src)
}

func (o Options) noWeights(src string) error {
	if o.CaptionKeyWeights != "" {
		return &UsageError{Source: src, Reason: "caption_key_weights needs the names of caption_key"}
	}
	return nil
}

// present leaves out the names that a table doesn't have. missing is what to say about them.
func (k captionKeys) present(has func(name string) bool) (there captionKeys, missing []string) {
	there = captionKeys{asked: k.asked}
	for i, name := range k.names {
		if !has(name) {
			missing = append(missing, fmt.Sprintf("it has no column %q", name))
			continue
		}
		there.names = append(there.names, name)
		if k.weights != nil {
			there.weights = append(there.weights, k.weights[i])
		}
	}
	return there, missing
}

// choose takes the captions of a sample: those of the first name that has any or, with weights, all of them. A name's weight is shared by
// its captions.
func (k captionKeys) choose(get func(name string) []string) (captions []string, weights []float32) {
	for i, name := range k.names {
		texts := get(name)
		if len(texts) == 0 {
			continue
		}
		if k.weights == nil {
			return texts, nil
		}
		captions = append(captions, texts...)
		for range texts {
			weights = append(weights, k.weights[i]/float32(len(texts)))
		}
	}
	return captions, weights
}

// wantJSON reports whether the captions of a JSON object are needed, given those of the text beside it.
func (r *captionRepairs) wantJSON(text []string) bool { return len(text) == 0 || r.keys.asked }

// fromJSON are the usable captions of a JSON object. text are those beside it. Case doesn't matter in names that are guessed.
func (r *captionRepairs) fromJSON(data []byte, text []string) (captions []string, weights []float32) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(string(data), byteOrderMark)), &object) != nil {
		return r.keys.beside(text), nil
	}
	names := slices.Sorted(maps.Keys(object))
	keys := r.keys
	if !keys.asked {
		keys.names = guessedKeys
	}
	return keys.choose(func(key string) []string {
		if _, has := object[key]; !has && key == textKey {
			return text
		}
		for _, name := range names {
			var texts table.Texts
			if name != key && (keys.asked || !strings.EqualFold(name, key)) || json.Unmarshal(object[name], &texts) != nil {
				continue
			}
			if usable := r.usable(texts); len(usable) > 0 {
				return usable
			}
		}
		return nil
	})
}

// beside are the captions of a text without a JSON object: none if the user names others.
func (k captionKeys) beside(text []string) []string {
	if k.asked && !slices.Contains(k.names, textKey) {
		return nil
	}
	return text
}

// weighted draws the index of a weight with a random number.
func weighted(weights []float32, random uint64) int {
	var all float64
	for _, w := range weights {
		all += float64(w)
	}
	at := float64(random>>11) / (1 << 53) * all
	for i, w := range weights {
		if at -= float64(w); at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
