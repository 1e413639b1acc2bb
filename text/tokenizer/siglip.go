package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"clipgo/text/bpe"
	"clipgo/text/tokenizer/sentencepiece"
	"clipgo/text/tokenizer/trie"
)

// siglip encodes captions as transformers' SiglipTokenizer does: it splits at special tokens first. Each part in between is canonicalized
// and encoded after the unknown token's name, whose ids are then removed.
type siglip struct {
	model        *sentencepiece.Model
	unknown      string
	unknownIDs   int // number of ids of the unknown token's name
	symbol       int32
	lower        bool
	special      []specialToken
	findSpecials *trie.Trie
	clean        func(string) string
}

type specialToken struct {
	id                    int32
	leftStrip, rightStrip bool
}

// symbol is SentencePiece's white space.
const symbol = "\u2581"

func (f *folder) openSiglip(file []byte) (Tokenizer, int, error) {
	m, err := sentencepiece.Read(file)
	if err != nil {
		return nil, 0, err
	}
	if f.config.Legacy != nil && !*f.config.Legacy {
		m = m.WithoutPrefix()
	}
	s := &siglip{model: m, unknown: f.config.Unknown.or("<unk>"), clean: f.clean, findSpecials: trie.New(), symbol: trie.None}
	s.unknownIDs = len(m.Append(nil, s.unknown))
	s.lower = f.config.LowerCase == nil || *f.config.LowerCase
	if id, ok := m.ID(symbol); ok {
		s.symbol = id
	}
	end, pad := f.config.End.or("</s>"), f.config.Pad.or("</s>")
	size := m.Size()
	for _, id := range slices.Sorted(maps.Keys(f.config.Added)) {
		token := f.config.Added[id]
		if token.SingleWord || id < 0 {
			return nil, 0, fmt.Errorf("tokenizer_config.json: added token %q with id %d isn't supported", token.Content, id)
		}
		if own, ok := m.ID(token.Content); ok && own != id {
			return nil, 0, fmt.Errorf("tokenizer_config.json: added token %q with id %d is %d in spiece.model", token.Content, id, own)
		}
		s.add(token.Content, specialToken{id, token.LeftStrip, token.RightStrip})
		size = max(size, int(id)+1)
	}
	ids := map[string]int32{}
	for _, token := range []string{end, pad, s.unknown} {
		id, ok := s.id(token)
		if !ok {
			return nil, 0, fmt.Errorf("its special token %q has no id", token)
		}
		ids[token] = id
	}
	p := &padded{append: s.append, suffix: []int32{ids[end]}, once: true, pad: ids[pad]}
	return p.name("SiglipTokenizer", m.Fingerprint(), f.spec.Clean, s.lower, s.special, s.unknown), size, nil
}

// add makes a string a special token.
func (s *siglip) add(text string, token specialToken) {
	if text != "" && s.findSpecials.Add(text, int32(len(s.special))) {
		s.special = append(s.special, token)
	}
}

// id returns a special token's id. A token that is not special yet becomes one that strips white space around it.
func (s *siglip) id(text string) (int32, bool) {
	if at, n := s.findSpecials.Longest(text); n == len(text) {
		return s.special[at].id, true
	}
	id, ok := s.model.ID(text)
	if ok {
		s.add(text, specialToken{id, true, true})
	}
	return id, ok
}

func (s *siglip) append(dst []int32, text string) []int32 {
	from := len(dst)
	text = symbol + strings.ReplaceAll(s.clean(text), symbol, " ")
	strip := false
	for len(text) > 0 {
		start, n, token := s.next(text)
		stretch := text[:start]
		if strip {
			stretch = strings.TrimLeftFunc(stretch, bpe.IsSpace)
		}
		if token.leftStrip {
			stretch = strings.TrimRightFunc(stretch, bpe.IsSpace)
		}
		dst = s.appendText(dst, stretch)
		if n > 0 {
			if len(dst)-from == 1 && dst[from] == s.symbol {
				dst = dst[:from]
			}
			dst = append(dst, token.id)
		}
		strip, text = token.rightStrip, text[start+n:]
	}
	return dst
}

// next returns the position and length of the first special token, the longest one there; without one it returns the text's end.
func (s *siglip) next(text string) (start, n int, token specialToken) {
	for start = range len(text) {
		if at, n := s.findSpecials.Longest(text[start:]); n > 0 {
			return start, n, s.special[at]
		}
	}
	return len(text), 0, specialToken{}
}

// appendText appends the ids of a stretch without special tokens.
func (s *siglip) appendText(dst []int32, text string) []int32 {
	if text == "" {
		return dst
	}
	if s.lower {
		text = bpe.Lower(text)
	}
	text = bpe.Collapse(withoutPunctuation(text))
	from := len(dst)
	dst = s.model.Append(dst, s.unknown+text)
	if len(dst)-from >= s.unknownIDs {
		dst = slices.Delete(dst, from, from+s.unknownIDs)
	}
	return dst
}
