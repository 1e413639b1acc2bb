package bpe

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// vocabFiles are vocab.json and merges.txt of CLIP as they are read.
func vocabFiles() (map[string]int32, []string) {
	tokens, merges := Spelled()
	ids := map[string]int32{"<|startoftext|>": Start, "<|endoftext|>": End}
	for id, token := range tokens {
		ids[token] = int32(id)
	}
	return ids, merges
}

func TestCLIPsVocabularyIsAccepted(t *testing.T) {
	if err := CheckVocabulary(vocabFiles()); err != nil {
		t.Error(err)
	}
}

func TestOtherVocabulariesAreRefused(t *testing.T) {
	ids, merges := vocabFiles()
	other := maps.Clone(ids)
	other["cat</w>"], other["dog</w>"] = other["dog</w>"], other["cat</w>"]
	lacking, larger := maps.Clone(ids), maps.Clone(ids)
	delete(lacking, "cat</w>")
	larger["<extra>"] = VocabSize
	swapped := slices.Clone(merges)
	swapped[7], swapped[8] = swapped[8], swapped[7]
	for _, c := range []struct {
		ids    map[string]int32
		merges []string
		want   string
	}{
		{other, merges, `</w>" is `},
		{lacking, merges, `lacks "cat</w>"`},
		{larger, merges, "49409 tokens"},
		{ids, merges[:100], "100 merges"},
		{ids, swapped, "merge 7"},
		{nil, nil, "lacks"},
	} {
		if err := CheckVocabulary(c.ids, c.merges); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
