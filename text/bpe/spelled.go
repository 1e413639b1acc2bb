package bpe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
)

// Spelled returns the vocabulary in the form of vocab.json and merges.txt: the tokens in the order of their ids, without Start and End,
// and the merges by rank. Bytes are spelled as in vocabulary.addBytes.
func Spelled() (tokens, merges []string) {
	file, err := gzip.NewReader(bytes.NewReader(mergesFile))
	if err != nil {
		panic(fmt.Sprintf("embedded vocabulary: %v", err)) // the program was built with a broken file
	}
	ids := make(map[string]int32, firstMerge)
	(&vocabulary{pieces: make([]string, firstMerge)}).addBytes(ids)
	tokens = make([]string, firstMerge, Start)
	for token, id := range ids {
		tokens[id] = token
	}
	lines := bufio.NewScanner(file)
	lines.Scan() // the version
	for len(tokens) < Start && lines.Scan() {
		merges = append(merges, lines.Text())
		left, right, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		tokens = append(tokens, string(left)+string(right))
	}
	return tokens, merges
}
