package sentencepiece

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Charsmap holds SentencePiece's compiled normalization rules (NFKC and more), which replace characters. It is a double-array trie
// (darts-clone) whose values are offsets in a list of replacements.
type Charsmap struct {
	units        []uint32
	replacements string // each zero-terminated
}

// longestReplacement bounds a rule's replacement, in bytes; the longest in SentencePiece's own rules has 33 (U+FDFA).
const longestReplacement = 1 << 10

// ReadCharsmap reads a precompiled_charsmap: the trie's size in bytes, the trie, the replacements.
func ReadCharsmap(blob []byte) (*Charsmap, error) {
	if len(blob) < 4 {
		return nil, errors.New("charsmap: shorter than its header")
	}
	size := binary.LittleEndian.Uint32(blob)
	blob = blob[4:]
	if uint64(size) >= uint64(len(blob)) || size%4 != 0 || size == 0 {
		return nil, fmt.Errorf("charsmap: a trie of %d bytes in %d", size, len(blob))
	}
	c := &Charsmap{units: make([]uint32, size/4), replacements: string(blob[size:])}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(blob[4*i:])
	}
	if !utf8.ValidString(c.replacements) {
		return nil, errors.New("charsmap: the replacements are not UTF-8")
	}
	if c.replacements[len(c.replacements)-1] != 0 {
		return nil, errors.New("charsmap: the last replacement doesn't end")
	}
	for r := range strings.SplitSeq(c.replacements, "\x00") {
		if len(r) > longestReplacement {
			return nil, fmt.Errorf("charsmap: a replacement of %d bytes", len(r))
		}
	}
	return c, nil
}

// Longest returns the replacement of the longest rule with which a text begins, and the rule's length; 0 if there is none.
func (c *Charsmap) Longest(text string) (replacement string, n int) {
	return c.search(text, 0)
}

// Shortest is Longest for the shortest rule.
func (c *Charsmap) Shortest(text string) (replacement string, n int) {
	return c.search(text, 1)
}

// search descends the trie and stops after limit rules; 0 is no limit. A unit holds its label, the distance to its children, and whether a
// rule ends there. If one does, the child with label 0 has the rule's value.
func (c *Charsmap) search(text string, limit int) (replacement string, n int) {
	at, found := uint32(0), 0
	at ^= offset(c.units[0])
	value := uint32(0)
	for i := range len(text) {
		at ^= uint32(text[i])
		if at >= uint32(len(c.units)) {
			break
		}
		unit := c.units[at]
		if unit&(1<<31|0xff) != uint32(text[i]) {
			break
		}
		at ^= offset(unit)
		if at >= uint32(len(c.units)) {
			break
		}
		if unit>>8&1 != 0 {
			value, n = c.units[at]&(1<<31-1), i+1
			if found++; found == limit {
				break
			}
		}
	}
	if n == 0 || value >= uint32(len(c.replacements)) {
		return "", 0
	}
	rest := c.replacements[value:]
	return rest[:strings.IndexByte(rest, 0)], n
}

// offset is the distance to a unit's children; one bit of the unit scales it by 256.
func offset(unit uint32) uint32 {
	return unit >> 10 << (unit & (1 << 9) >> 6)
}
