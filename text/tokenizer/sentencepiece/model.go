// Package sentencepiece encodes text with a SentencePiece unigram model (spiece.model), the tokenizer of T5 and SigLIP. The ids are exactly
// those of the reference implementation.
//
// Method: Kudo, "Subword Regularization", ACL 2018 (the unigram model); Kudo and Richardson, "SentencePiece", EMNLP 2018
// (normalization, the white space symbol). File: sentencepiece_model.proto of github.com/google/sentencepiece.
package sentencepiece

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"clipgo/text/tokenizer/trie"
)

// kind is the type of a piece (ModelProto.SentencePiece.Type).
type kind uint8

const (
	normal kind = iota + 1
	unknown
	control
	userDefined
	unused
	byteValue
)

// modelType is the segmentation algorithm (TrainerSpec.ModelType).
type modelType uint64

const unigram modelType = 1

func (t modelType) String() string {
	switch t {
	case unigram:
		return "unigram"
	case 2:
		return "BPE"
	case 3:
		return "word"
	case 4:
		return "character"
	}
	return fmt.Sprintf("number %d", uint64(t))
}

type piece struct {
	text  string
	score float32
	kind  kind
}

// Model is a vocabulary of pieces with their log probabilities; it is safe for concurrent use.
type Model struct {
	pieces       []piece
	ids          map[string]int32
	matching     *trie.Trie // pieces that can match text
	userDefined  *trie.Trie // those of them that normalization doesn't change
	bytes        [256]int32
	unknown      int32
	unknownScore float32
	userScore    float32 // of a byte of a user-defined piece
	normalizer
	byteFallback bool
	fingerprint  string
}

// unknownPenalty is the difference between the lowest score of a piece and the score of an unknown character.
const unknownPenalty = 10

// Read reads a model from the bytes of its file. A model that is not unigram is an error that names its type.
func Read(data []byte) (*Model, error) {
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("sentencepiece model: %w", err)
	}
	if f.kind != unigram {
		return nil, fmt.Errorf("sentencepiece model: type %v isn't supported, only unigram", f.kind)
	}
	m := &Model{pieces: f.pieces, normalizer: f.normalizer, byteFallback: f.byteFallback, unknown: trie.None}
	if err := m.index(); err != nil {
		return nil, fmt.Errorf("sentencepiece model: %w", err)
	}
	m.setScores()
	m.symbols = m.userDefined
	sum := sha256.Sum256(data)
	m.fingerprint = hex.EncodeToString(sum[:8])
	return m, nil
}

// index builds the tries, with the checks of the reference implementation.
func (m *Model) index() error {
	m.ids = make(map[string]int32, len(m.pieces))
	m.matching, m.userDefined = trie.New(), trie.New()
	bytes, matching := 0, 0
	for i, p := range m.pieces {
		id := int32(i)
		if p.text == "" {
			return fmt.Errorf("piece %d is empty", i)
		}
		if other, ok := m.ids[p.text]; ok {
			return fmt.Errorf("pieces %d and %d are both %q", other, i, p.text)
		}
		m.ids[p.text] = id
		if s := float64(p.score); math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("piece %d has the score %v", i, s)
		}
		switch p.kind {
		case normal, userDefined, unused:
			if !m.matching.Add(p.text, id) {
				return errors.New("the vocabulary is too large")
			}
			matching++
			if p.kind == userDefined {
				m.userDefined.Add(p.text, id)
			}
		case unknown:
			if m.unknown != trie.None {
				return fmt.Errorf("pieces %d and %d are both for what is unknown", m.unknown, i)
			}
			m.unknown = id
		case control:
		case byteValue:
			if err := m.addByte(p.text, id); err != nil {
				return err
			}
			bytes++
		default:
			return fmt.Errorf("piece %d is of type %d", i, p.kind)
		}
	}
	switch {
	case matching == 0:
		return errors.New("it has no pieces")
	case m.unknown == trie.None:
		return errors.New("it has no piece for what is unknown")
	case m.byteFallback && bytes != len(m.bytes):
		return fmt.Errorf("%d of the 256 byte pieces", bytes)
	}
	return nil
}

func (m *Model) addByte(text string, id int32) error {
	var b byte
	if n, err := fmt.Sscanf(text, "<0x%02X>", &b); n != 1 || err != nil || fmt.Sprintf("<0x%02X>", b) != text {
		return fmt.Errorf("%q is no byte piece", text)
	}
	if !m.byteFallback {
		return fmt.Errorf("byte piece %q without byte_fallback", text)
	}
	m.bytes[b] = id
	return nil
}

// setScores computes the scores of unknown characters and of user-defined pieces. The search for the largest score starts at the smallest
// positive float, as in the reference implementation, so log-probabilities never exceed it.
func (m *Model) setScores() {
	least, most := float32(math.MaxFloat32), float32(0x1p-126)
	for _, p := range m.pieces {
		if p.kind == normal {
			least, most = min(least, p.score), max(most, p.score)
		}
	}
	m.unknownScore, m.userScore = least-unknownPenalty, most
}

// WithoutPrefix returns the model without the dummy prefix (a blank before each text).
func (m *Model) WithoutPrefix() *Model {
	c := *m
	c.dummyPrefix = false
	return &c
}

// Size is the number of ids.
func (m *Model) Size() int {
	return len(m.pieces)
}

// ID returns the id of a piece.
func (m *Model) ID(piece string) (int32, bool) {
	id, ok := m.ids[piece]
	return id, ok
}

// Fingerprint identifies the model's file.
func (m *Model) Fingerprint() string {
	return m.fingerprint
}
