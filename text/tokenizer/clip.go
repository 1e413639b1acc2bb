package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"clipgo/text/bpe"
)

// openCLIP opens CLIP's own tokenizer. If vocab.json and merges.txt exist they must be CLIP's, and the folder must have no files of
// another tokenizer.
func (f *folder) openCLIP() (Tokenizer, int, error) {
	switch f.config.Class {
	case "", "CLIPTokenizer", "PreTrainedTokenizer", "TokenizersBackend":
	default:
		return nil, 0, fmt.Errorf("a %s without tokenizer.json or spiece.model isn't supported", f.config.Class)
	}
	for _, other := range []string{"tokenizer.model", "vocab.txt", "sentencepiece.bpe.model"} {
		if data, err := f.read(other); data != nil || err != nil {
			return nil, 0, fmt.Errorf("%s without tokenizer.json isn't supported", other)
		}
	}
	var ids map[string]int32
	if err := f.readJSON("vocab.json", &ids); err != nil {
		return nil, 0, err
	}
	merges, err := f.read("merges.txt")
	if err != nil {
		return nil, 0, err
	}
	if ids == nil && merges == nil {
		return bpe.New(), bpe.VocabSize, nil
	}
	var lines []string
	for line := range strings.Lines(string(merges)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#version") {
			lines = append(lines, line)
		}
	}
	if err := bpe.CheckVocabulary(ids, lines); err != nil {
		return nil, 0, fmt.Errorf("vocab.json and merges.txt: %w", err)
	}
	return bpe.New(), bpe.VocabSize, nil
}

// largestCLIP is more than any spelling of CLIP's tokenizer.json takes, in bytes.
const largestCLIP = 8 << 20

// isCLIP reports whether a tokenizer.json is of CLIP's kind, a BPE with an end-of-word suffix. If so it checks that it is CLIP's.
func isCLIP(file []byte) (bool, error) {
	if len(file) > largestCLIP {
		return false, nil
	}
	var whole struct {
		Model struct {
			Type   string          `json:"type"`
			Suffix string          `json:"end_of_word_suffix"`
			Vocab  json.RawMessage `json:"vocab"`
			Merges []clipMerge     `json:"merges"`
		} `json:"model"`
		Added []struct {
			ID      int32  `json:"id"`
			Content string `json:"content"`
		} `json:"added_tokens"`
	}
	if err := json.Unmarshal(file, &whole); err != nil {
		return false, fmt.Errorf("tokenizer.json: %w", err)
	}
	if whole.Model.Type != "BPE" || whole.Model.Suffix == "" {
		return false, nil
	}
	var vocab map[string]int32
	if err := json.Unmarshal(whole.Model.Vocab, &vocab); err != nil {
		return false, fmt.Errorf("tokenizer.json: model.vocab: %w", err)
	}
	merges := make([]string, len(whole.Model.Merges))
	for i, m := range whole.Model.Merges {
		merges[i] = string(m)
	}
	if err := bpe.CheckVocabulary(vocab, merges); err != nil {
		return false, fmt.Errorf("tokenizer.json: %w", err)
	}
	for _, a := range whole.Added {
		if a.ID != bpe.Start && a.ID != bpe.End {
			return false, fmt.Errorf("tokenizer.json: added token %q with id %d is not CLIP's", a.Content, a.ID)
		}
	}
	return true, nil
}

// clipMerge is a merge in the form of merges.txt; newer files have an array of two strings.
type clipMerge string

func (m *clipMerge) UnmarshalJSON(data []byte) error {
	if data[0] == '"' && !bytes.ContainsRune(data, '\\') {
		*m = clipMerge(data[1 : len(data)-1])
		return nil
	}
	if data[0] != '[' {
		return json.Unmarshal(data, (*string)(m))
	}
	var both []string
	err := json.Unmarshal(data, &both)
	*m = clipMerge(strings.Join(both, " "))
	return err
}
