package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"clipgo/text/tokenizer/trie"
)

// unigram segments text into its likeliest pieces. It is SentencePiece's algorithm, but with float64 scores and including control pieces,
// so a few texts have other ids.
type unigram struct {
	ids          map[string]int32
	scores       []float64
	pieces       *trie.Trie
	unknown      int32
	unknownScore float64
	byteFallback bool
	bytes        byteIDs
}

// unknownPenalty is the difference between the lowest score of a piece and the score of an unknown character.
const unknownPenalty = 10

// scored is a piece and its score, an array of two in the file.
type scored struct {
	text  string
	score float64
}

func (s *scored) UnmarshalJSON(data []byte) error {
	pair := [2]any{&s.text, &s.score}
	both := pair[:]
	if err := json.Unmarshal(data, &both); err != nil {
		return err
	}
	if len(both) != len(pair) || both[0] == nil || both[1] == nil {
		return fmt.Errorf("a piece is %s", data)
	}
	return nil
}

func readUnigram(raw json.RawMessage) (*unigram, error) {
	var spec struct {
		Type         string   `json:"type"`
		Unknown      *int32   `json:"unk_id"`
		Vocab        []scored `json:"vocab"`
		ByteFallback bool     `json:"byte_fallback"`
	}
	if err := strict(raw, &spec); err != nil {
		return nil, err
	}
	if spec.Unknown == nil || *spec.Unknown < 0 || int(*spec.Unknown) >= len(spec.Vocab) {
		return nil, errors.New("no piece is for what is unknown")
	}
	m := &unigram{ids: make(map[string]int32, len(spec.Vocab)), pieces: trie.New(), unknown: *spec.Unknown, byteFallback: spec.ByteFallback}
	least := math.Inf(1)
	for i, p := range spec.Vocab {
		if !m.pieces.Add(p.text, int32(i)) {
			return nil, errors.New("the vocabulary is too large")
		}
		m.ids[p.text] = int32(i)
		m.scores = append(m.scores, p.score)
		least = min(least, p.score)
	}
	m.unknownScore = least - unknownPenalty
	m.bytes = newByteIDs(m.id)
	return m, nil
}

func (m *unigram) id(token string) (int32, bool) {
	id, ok := m.ids[token]
	return id, ok
}

func (m *unigram) size() int { return len(m.scores) }

// best is the best segmentation of the text up to a position: its last piece, the start of that piece, and the total score.
type best struct {
	score     float64
	id, start int32
}

// lattice holds the best segmentations for all positions; its memory is reused.
type lattice struct{ best []best }

var lattices = sync.Pool{New: func() any { return new(lattice) }}

// largestLattice is the longest lattice whose memory is kept.
const largestLattice = 1 << 16

func (m *unigram) append(dst []int32, text string) []int32 {
	l := lattices.Get().(*lattice)
	l.best = slices.Grow(l.best[:0], len(text)+1)[:len(text)+1]
	for i := range l.best {
		l.best[i] = best{start: trie.None}
	}
	for at := 0; at < len(text); {
		n := width(text[at:])
		if !m.offerAll(l, text, at) {
			l.offer(at+n, best{m.unknownScore + l.best[at].score, m.unknown, int32(at)})
		}
		at += n
	}
	dst = m.trace(dst, l, text)
	if cap(l.best) <= largestLattice {
		lattices.Put(l)
	}
	return dst
}

// offerAll offers each piece with which the text continues at a position, and reports whether one is a single character.
func (m *unigram) offerAll(l *lattice, text string, at int) (single bool) {
	n, here, node := width(text[at:]), l.best[at].score, int32(trie.Root)
	for end := at; end < len(text); {
		if node = m.pieces.Step(node, text[end]); node == trie.None {
			break
		}
		end++
		if id := m.pieces.Value(node); id != trie.None {
			l.offer(end, best{m.scores[id] + here, id, int32(at)})
			single = single || end-at == n
		}
	}
	return single
}

// offer keeps a segmentation up to the end of a piece if it is the first or better.
func (l *lattice) offer(end int, b best) {
	if old := l.best[end]; old.start == trie.None || b.score > old.score {
		l.best[end] = b
	}
}

// trace appends the ids of the best segmentation. A run of unknown characters becomes a piece if there is one, otherwise its bytes, or one
// unknown id.
func (m *unigram) trace(dst []int32, l *lattice, text string) []int32 {
	from := len(dst)
	for end := len(text); end > 0; {
		b := l.best[end]
		start := int(b.start)
		if b.id != m.unknown {
			dst, end = append(dst, b.id), start
			continue
		}
		for start > 0 && l.best[start].id == m.unknown {
			start = int(l.best[start].start)
		}
		at := len(dst)
		dst = m.appendUnknown(dst, text[start:end])
		slices.Reverse(dst[at:])
		end = start
	}
	slices.Reverse(dst[from:])
	return dst
}

func (m *unigram) appendUnknown(dst []int32, run string) []int32 {
	if id, ok := m.ids[run]; ok {
		return append(dst, id)
	}
	if m.byteFallback {
		if bytes, ok := m.bytes.append(dst, run); ok {
			return bytes
		}
	}
	return append(dst, m.unknown)
}
