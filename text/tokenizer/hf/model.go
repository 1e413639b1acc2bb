package hf

import (
	"encoding/json"
	"fmt"

	"clipgo/text/tokenizer/trie"
)

// maxID bounds ids, so that sums of them fit anywhere.
const maxID = 1<<28 - 1

func readModel(raw json.RawMessage) (model, error) {
	name, err := typeOf(raw)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	switch name {
	case "BPE":
		m, err := readBPE(raw)
		if err != nil {
			return nil, fmt.Errorf("model BPE: %w", err)
		}
		return m, nil
	case "Unigram":
		m, err := readUnigram(raw)
		if err != nil {
			return nil, fmt.Errorf("model Unigram: %w", err)
		}
		return m, nil
	}
	return nil, fmt.Errorf("model %q isn't supported", name)
}

// byteIDs are the ids of <0x00> to <0xFF>, trie.None for those that a vocabulary lacks.
type byteIDs [256]int32

func newByteIDs(id func(string) (int32, bool)) (ids byteIDs) {
	for b := range ids {
		ids[b] = trie.None
		if i, ok := id(fmt.Sprintf("<0x%02X>", b)); ok {
			ids[b] = i
		}
	}
	return ids
}

// append appends the ids of a text's bytes, or none of them if one has no id.
func (b *byteIDs) append(dst []int32, text string) ([]int32, bool) {
	n := len(dst)
	for i := range len(text) {
		id := b[text[i]]
		if id == trie.None {
			return dst[:n], false
		}
		dst = append(dst, id)
	}
	return dst, true
}
