package sentencepiece

import (
	"slices"
	"sync"

	"clipgo/text/tokenizer/trie"
)

// best is the best segmentation of the text up to a position: its last piece, the start of that piece, and the total score.
type best struct {
	score float32
	id    int32
	start int32 // trie.None: no segmentation ends here
}

// scratch is the working memory of one encoding; it is reused.
type scratch struct {
	text  []byte
	best  []best
	found []int32 // the ids, last first
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// largestScratch is the largest number of bytes of text for which a scratch is kept.
const largestScratch = 1 << 16

// Append appends the ids of a text's likeliest segmentation. Invalid UTF-8 is treated as U+FFFD. Characters without a piece become their
// bytes if the model has byte pieces, otherwise the unknown id, once for a run.
func (m *Model) Append(dst []int32, text string) []int32 {
	s := scratches.Get().(*scratch)
	s.text = m.normalizer.append(s.text[:0], text)
	m.cut(s)
	dst = m.trace(dst, s)
	if cap(s.text) <= largestScratch {
		scratches.Put(s)
	}
	return dst
}

// cut fills s.best by the Viterbi algorithm from left to right.
//
// Scores are added in float32. Only the sum with a user-defined piece is compared before it is rounded. Both are as in the reference
// implementation, so that ties are decided in the same way.
func (m *Model) cut(s *scratch) {
	s.best = slices.Grow(s.best[:0], len(s.text)+1)[:len(s.text)+1]
	for i := range s.best {
		s.best[i].start = trie.None
	}
	s.best[0].score = 0
	for at := 0; at < len(s.text); {
		width := min(width(s.text[at]), len(s.text)-at)
		if !m.cutAt(s, at, width) {
			s.offer(at, at+width, candidate{m.unknown, float64(m.unknownScore + s.best[at].score)})
		}
		at += width
	}
}

// cutAt offers each piece with which the text continues at a position, and reports whether one is a single character.
func (m *Model) cutAt(s *scratch, at, width int) (single bool) {
	node, here := int32(trie.Root), s.best[at].score
	for end := at; end < len(s.text); {
		if node = m.matching.Step(node, s.text[end]); node == trie.None {
			break
		}
		end++
		id := m.matching.Value(node)
		if id == trie.None {
			continue
		}
		switch p := &m.pieces[id]; p.kind {
		case unused:
			continue
		case userDefined:
			score := float64(float32(end-at)*m.userScore) - 0.1
			s.offer(at, end, candidate{id, score + float64(here)})
		default:
			s.offer(at, end, candidate{id, float64(p.score + here)})
		}
		single = single || end-at == width
	}
	return single
}

type candidate struct {
	id    int32
	score float64
}

// offer keeps a segmentation up to the end of a piece if it is the first or better.
func (s *scratch) offer(start, end int, c candidate) {
	if b := &s.best[end]; b.start == trie.None || c.score > float64(b.score) {
		*b = best{float32(c.score), c.id, int32(start)}
	}
}

// trace appends the ids of the best segmentation.
func (m *Model) trace(dst []int32, s *scratch) []int32 {
	s.found = s.found[:0]
	for end := len(s.text); end > 0; {
		b := s.best[end]
		if b.id != m.unknown {
			s.found = append(s.found, b.id)
		} else {
			s.found = m.appendUnknown(s.found, s.text[b.start:end])
		}
		end = int(b.start)
	}
	slices.Reverse(s.found)
	return append(dst, s.found...)
}

// appendUnknown appends the ids of a character without a piece, in reverse order.
func (m *Model) appendUnknown(ids []int32, char []byte) []int32 {
	if m.byteFallback {
		for i := range char {
			ids = append(ids, m.bytes[char[len(char)-1-i]])
		}
		return ids
	}
	if n := len(ids); n > 0 && ids[n-1] == m.unknown {
		return ids
	}
	return append(ids, m.unknown)
}

// width is the length in bytes of the character that begins with byte b.
func width(b byte) int {
	switch {
	case b < 0xc0:
		return 1
	case b < 0xe0:
		return 2
	case b < 0xf0:
		return 3
	}
	return 4
}
