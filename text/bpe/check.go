package bpe

import (
	"fmt"
	"sync"
)

// spelling is what Spelled returns.
type spelling struct{ tokens, merges []string }

var spelled = sync.OnceValue(func() spelling {
	tokens, merges := Spelled()
	return spelling{tokens, merges}
})

// CheckVocabulary compares another tokenizer's vocabulary, in the form of vocab.json and merges.txt, with CLIP's. The error names the
// first difference. The tokens of Start and End may have any name.
func CheckVocabulary(ids map[string]int32, merges []string) error {
	s := spelled()
	for id, token := range s.tokens {
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
