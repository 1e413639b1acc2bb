package bpe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func writtenFiles(t *testing.T) (map[string]int32, []string) {
	t.Helper()
	var vocab, merges bytes.Buffer
	if err := WriteVocabulary(&vocab); err != nil {
		t.Fatal(err)
	}
	if err := WriteMerges(&merges); err != nil {
		t.Fatal(err)
	}
	var ids map[string]int32
	if err := json.Unmarshal(vocab.Bytes(), &ids); err != nil {
		t.Fatal(err)
	}
	return ids, strings.Split(strings.TrimSuffix(merges.String(), "\n"), "\n")[1:]
}

func TestWrittenFilesAreCLIPsVocabulary(t *testing.T) {
	ids, merges := writtenFiles(t)
	if err := CheckVocabulary(ids, merges); err != nil {
		t.Error(err)
	}
	for token, want := range map[string]int32{"!": 0, "!</w>": 256, "a</w>": 320, "cat</w>": 2368, "in": 512, "<|startoftext|>": Start, "<|endoftext|>": End} {
		if ids[token] != want {
			t.Errorf("%q is %d, want %d", token, ids[token], want)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(merges, "\n") + "\n"))
	if got := hex.EncodeToString(sum[:8]); got != New().Fingerprint() {
		t.Errorf("the merges have the fingerprint %s, the tokenizer %s", got, New().Fingerprint())
	}
}

func TestOtherVocabulariesAreRefused(t *testing.T) {
	ids, merges := writtenFiles(t)
	swap := func(a, b string) map[string]int32 {
		other := maps.Clone(ids)
		other[a], other[b] = other[b], other[a]
		return other
	}
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
		{swap("cat</w>", "dog</w>"), merges, `</w>" is `},
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
