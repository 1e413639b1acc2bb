package bpe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
)

// mergesFile is OpenAI's list of merges by rank, after a line with the version. CLIP uses the first 48,894 of 262,144.
//
//go:embed bpe_simple_vocab_16e6.txt.gz
var mergesFile []byte

const (
	firstMerge = 512 // below: 256 bytes, and the same 256 as the last byte of a word
	mergeCount = Start - firstMerge
	wordEnd    = "</w>"
)

// vocabulary holds the merges. A token's id is 512 plus its merge's rank, so a smaller id is an earlier merge.
type vocabulary struct {
	merges      map[pair]int32
	symbols     [256]int32 // the id of a byte
	pieces      []string   // the bytes of an id; the end of a word is a space
	fingerprint string
}

// pair is two neighbors in a word.
type pair struct{ left, right int32 }

// loaded reads the vocabulary on first use, in about 20 ms.
var loaded = sync.OnceValue(func() *vocabulary {
	v, err := readVocabulary(mergesFile)
	if err != nil {
		panic(fmt.Sprintf("embedded vocabulary: %v", err)) // the program was built with a broken file
	}
	return v
})

func readVocabulary(compressed []byte) (*vocabulary, error) {
	file, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	v := &vocabulary{merges: make(map[pair]int32, mergeCount), pieces: make([]string, VocabSize)}
	ids := make(map[string]int32, Start)
	v.addBytes(ids)
	lines := bufio.NewScanner(file)
	lines.Scan() // the version
	sum := sha256.New()
	for id := int32(firstMerge); id < Start; id++ {
		if !lines.Scan() {
			return nil, fmt.Errorf("it ends after %d merges", id-firstMerge)
		}
		sum.Write(lines.Bytes())
		sum.Write([]byte{'\n'})
		left, right, _ := strings.Cut(lines.Text(), " ")
		l, okLeft := ids[left]
		r, okRight := ids[right]
		if !okLeft || !okRight {
			return nil, fmt.Errorf("merge %q joins what is not known yet", lines.Text())
		}
		v.merges[pair{l, r}] = id
		v.pieces[id] = v.pieces[l] + v.pieces[r]
		ids[left+right] = id
	}
	v.pieces[Start], v.pieces[End] = startText, endText
	v.fingerprint = hex.EncodeToString(sum.Sum(nil)[:8])
	return v, nil
}

// addBytes numbers the 256 bytes as GPT-2 does: first the bytes that are printable in Latin-1, spelled as themselves, then the others,
// spelled from U+0100 on, so that merges contain no blanks.
func (v *vocabulary) addBytes(ids map[string]int32) {
	id, spare := int32(0), rune(0x100)
	add := func(b byte, spelled rune) {
		v.symbols[b] = id
		v.pieces[id], v.pieces[id+256] = string([]byte{b}), string([]byte{b, ' '})
		ids[string(spelled)], ids[string(spelled)+wordEnd] = id, id+256
		id++
	}
	for b := range 256 {
		if printable(byte(b)) {
			add(byte(b), rune(b))
		}
	}
	for b := range 256 {
		if !printable(byte(b)) {
			add(byte(b), spare)
			spare++
		}
	}
}

func printable(b byte) bool {
	return b > ' ' && b < 0x7f || b > 0xa0 && b != 0xad
}
