package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"clipgo/text/tokenizer/trie"
)

// bpe starts with a text's characters and applies the merge of the lowest rank until none applies.
type bpe struct {
	ids          map[string]int32
	largest      int32
	ascii        [utf8.RuneSelf]int32
	merges       *mergeTable
	unknown      int32
	fuseUnknown  bool // one id for a run of unknown characters
	wholeFirst   bool // a text that is in the vocabulary is not merged
	byteFallback bool
	bytes        byteIDs
}

// mergePair is two tokens in the file: an array, or a string with a blank between.
type mergePair struct{ left, right string }

func (p *mergePair) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		var both []string
		if err := json.Unmarshal(data, &both); err != nil || len(both) != 2 {
			return fmt.Errorf("a merge is %s", data)
		}
		p.left, p.right = both[0], both[1]
		return nil
	}
	var both string
	if err := json.Unmarshal(data, &both); err != nil {
		return err
	}
	var ok bool
	if p.left, p.right, ok = strings.Cut(both, " "); !ok || strings.Contains(p.right, " ") {
		return fmt.Errorf("a merge is %s", data)
	}
	return nil
}

// bpeSpec is the model in the file.
type bpeSpec struct {
	Type          string           `json:"type"`
	Dropout       *float64         `json:"dropout"`
	Unknown       *string          `json:"unk_token"`
	WordPrefix    *string          `json:"continuing_subword_prefix"`
	WordSuffix    *string          `json:"end_of_word_suffix"`
	FuseUnknown   bool             `json:"fuse_unk"`
	ByteFallback  bool             `json:"byte_fallback"`
	IgnoreMerges  bool             `json:"ignore_merges"`
	CacheCapacity *int             `json:"cache_capacity"`
	Vocab         map[string]int32 `json:"vocab"`
	Merges        []mergePair      `json:"merges"`
}

func readBPE(raw json.RawMessage) (*bpe, error) {
	var spec bpeSpec
	if err := strict(raw, &spec); err != nil {
		return nil, err
	}
	switch {
	case spec.Dropout != nil && *spec.Dropout != 0:
		return nil, errors.New("dropout isn't supported")
	case spec.WordPrefix != nil && *spec.WordPrefix != "":
		return nil, errors.New("continuing_subword_prefix isn't supported")
	case spec.WordSuffix != nil && *spec.WordSuffix != "":
		return nil, errors.New("end_of_word_suffix isn't supported")
	}
	m := &bpe{ids: spec.Vocab, largest: trie.None, unknown: trie.None, fuseUnknown: spec.FuseUnknown, wholeFirst: spec.IgnoreMerges,
		byteFallback: spec.ByteFallback, merges: newMergeTable(len(spec.Merges))}
	for token, id := range spec.Vocab {
		if id < 0 || id > maxID {
			return nil, fmt.Errorf("%q has the id %d", token, id)
		}
		m.largest = max(m.largest, id)
	}
	if spec.Unknown != nil {
		id, ok := m.ids[*spec.Unknown]
		if !ok {
			return nil, fmt.Errorf("the unknown token %q is not in the vocabulary", *spec.Unknown)
		}
		m.unknown = id
	}
	for i := range m.ascii {
		m.ascii[i] = m.lookUp(string(rune(i)))
	}
	m.bytes = newByteIDs(m.id)
	return m, m.addMerges(spec.Merges)
}

func (m *bpe) addMerges(pairs []mergePair) error {
	for rank, p := range pairs {
		left, right, both := m.lookUp(p.left), m.lookUp(p.right), m.lookUp(p.left+p.right)
		if left == trie.None || right == trie.None || both == trie.None {
			return fmt.Errorf("merge %d, of %q and %q, has no id", rank, p.left, p.right)
		}
		m.merges.set(key(left, right), merge{int32(rank), both})
	}
	return nil
}

func (m *bpe) id(token string) (int32, bool) {
	id, ok := m.ids[token]
	return id, ok
}

func (m *bpe) lookUp(token string) int32 {
	if id, ok := m.ids[token]; ok {
		return id
	}
	return trie.None
}

func (m *bpe) size() int { return int(m.largest) + 1 }

// symbol is a part of the text during merging: an element of a linked list.
type symbol struct {
	id         int32
	prev, next int32 // -1 at the ends
	gone       bool  // taken into its left neighbor
}

// merger is the working memory for one text; it is reused.
type merger struct {
	ids     []int32
	symbols []symbol
	queue   queue
}

var mergers = sync.Pool{New: func() any { return new(merger) }}

// largestMerger is the largest number of symbols of a merger that is kept.
const largestMerger = 1 << 16

func (m *bpe) append(dst []int32, text string) []int32 {
	if m.wholeFirst {
		if id, ok := m.ids[text]; ok {
			return append(dst, id)
		}
	}
	w := mergers.Get().(*merger)
	w.ids = m.symbolIDs(w.ids[:0], text)
	w.merge(m.merges)
	for at := int32(0); at >= 0 && len(w.symbols) > 0; at = w.symbols[at].next {
		dst = append(dst, w.symbols[at].id)
	}
	if cap(w.symbols) <= largestMerger {
		mergers.Put(w)
	}
	return dst
}

// symbolIDs appends the ids of the text's characters. As in the library, the id of unknown characters is appended only before the next
// known one, but their bytes are appended at once and so come first.
func (m *bpe) symbolIDs(dst []int32, text string) []int32 {
	waiting := false
	for len(text) > 0 {
		n := width(text)
		id := m.character(text[:n])
		char := text[:n]
		text = text[n:]
		if id != trie.None {
			if waiting {
				dst, waiting = append(dst, m.unknown), false
			}
			dst = append(dst, id)
			continue
		}
		if m.byteFallback {
			var ok bool
			if dst, ok = m.bytes.append(dst, char); ok {
				continue
			}
		}
		if m.unknown == trie.None {
			continue
		}
		if waiting && !m.fuseUnknown {
			dst = append(dst, m.unknown)
		}
		waiting = true
	}
	if waiting {
		dst = append(dst, m.unknown)
	}
	return dst
}

func (m *bpe) character(char string) int32 {
	if char[0] < utf8.RuneSelf {
		return m.ascii[char[0]]
	}
	return m.lookUp(char)
}
