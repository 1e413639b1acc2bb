package bpe

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

// The files of Hugging Face's CLIPTokenizer spell a byte as GPT-2 does (addBytes), the end of a word as "</w>", and name
// the two ids that frame a caption so.
const (
	filesStart = "<|startoftext|>"
	filesEnd   = "<|endoftext|>"
)

// spelling is the vocabulary as those files have it.
type spelling struct {
	tokens []string // by id
	merges []string // best first, a blank between the two sides
}

var spelled = sync.OnceValue(func() *spelling {
	s, err := readSpelling(mergesFile)
	if err != nil {
		panic(fmt.Sprintf("embedded vocabulary: %v", err)) // the program was built with a broken file
	}
	return s
})

func readSpelling(compressed []byte) (*spelling, error) {
	file, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	ids := make(map[string]int32, firstMerge)
	(&vocabulary{pieces: make([]string, firstMerge)}).addBytes(ids)
	s := &spelling{tokens: make([]string, firstMerge, VocabSize), merges: make([]string, 0, mergeCount)}
	for token, id := range ids {
		s.tokens[id] = token
	}
	lines := bufio.NewScanner(file)
	lines.Scan() // the version
	for len(s.merges) < mergeCount && lines.Scan() {
		left, right, _ := strings.Cut(lines.Text(), " ")
		s.tokens = append(s.tokens, left+right)
		s.merges = append(s.merges, lines.Text())
	}
	if len(s.merges) < mergeCount {
		return nil, fmt.Errorf("it ends after %d merges", len(s.merges))
	}
	s.tokens = append(s.tokens, filesStart, filesEnd)
	return s, nil
}

// WriteVocabulary writes vocab.json of Hugging Face's CLIPTokenizer: each token's id.
func WriteVocabulary(w io.Writer) error {
	out := bufio.NewWriter(w)
	var name bytes.Buffer
	quote := json.NewEncoder(&name)
	quote.SetEscapeHTML(false)
	for id, token := range spelled().tokens {
		before := ","
		if id == 0 {
			before = "{"
		}
		name.Reset()
		if err := quote.Encode(token); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s%s:%d", before, bytes.TrimSpace(name.Bytes()), id)
	}
	out.WriteString("}\n")
	return out.Flush()
}

// WriteMerges writes merges.txt of Hugging Face's CLIPTokenizer: a line of version, then a merge a line, best first.
func WriteMerges(w io.Writer) error {
	out := bufio.NewWriter(w)
	out.WriteString("#version: 0.2\n")
	for _, m := range spelled().merges {
		out.WriteString(m)
		out.WriteByte('\n')
	}
	return out.Flush()
}

// CheckVocabulary returns an error that names the first difference between CLIP's vocabulary and that of another
// tokenizer, spelled as in vocab.json and merges.txt. The ids that frame a caption may have any name.
func CheckVocabulary(ids map[string]int32, merges []string) error {
	s := spelled()
	for id, token := range s.tokens[:Start] {
		if got, ok := ids[token]; !ok {
			return fmt.Errorf("not CLIP's vocabulary: it lacks %q", token)
		} else if got != int32(id) {
			return fmt.Errorf("not CLIP's vocabulary: %q is %d, in CLIP's %d", token, got, id)
		}
	}
	if len(ids) != VocabSize {
		return fmt.Errorf("not CLIP's vocabulary: %d tokens, CLIP's has %d", len(ids), VocabSize)
	}
	if len(merges) != len(s.merges) {
		return fmt.Errorf("not CLIP's vocabulary: %d merges, CLIP's has %d", len(merges), len(s.merges))
	}
	for i, m := range merges {
		if m != s.merges[i] {
			return fmt.Errorf("not CLIP's vocabulary: merge %d is %q, in CLIP's %q", i, m, s.merges[i])
		}
	}
	return nil
}
