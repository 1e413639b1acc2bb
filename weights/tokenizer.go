package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/paths"
)

// tokenizerFiles are the names of a tokenizer's files in every layout.
var tokenizerFiles = []string{
	"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"spiece.model", "tokenizer.model",
}

// FolderTokenizer is text_cfg.hf_tokenizer_name of a model that was read from a folder of transformers': the tokenizer is in the folder,
// and captions are not cleaned before it. When open_clip opens a folder, it takes the folder's tokenizer for any name.
const FolderTokenizer = "."

// TokenizerIn finds the tokenizer's files of a folder, to be copied into another.
func TokenizerIn(dir string) map[string]FileWriter {
	files := map[string]FileWriter{}
	for _, name := range tokenizerFiles {
		path := filepath.Join(dir, name)
		if !paths.Exists(path) {
			continue
		}
		files[name] = func(w io.Writer) error {
			f, err := bounded.Open(path, bounded.Tokenizer)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}
	}
	return files
}

// transformers' names of the start-of-text and end-of-text tokens.
const (
	startToken = "<|startoftext|>"
	endToken   = "<|endoftext|>"
)

// clipPattern is the regular expression that splits a caption into words.
const clipPattern = `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`

// CLIPTokenizer returns the files of CLIP's byte-pair tokenizer for transformers' CLIPTokenizer. tokens are in the order of their ids,
// without start-of-text and end-of-text; context is the context length in ids.
func CLIPTokenizer(tokens, merges []string, context int) map[string]FileWriter {
	vocab := ordered{names: append(append([]string{}, tokens...), startToken, endToken)}
	config := map[string]any{
		"tokenizer_class": "CLIPTokenizer", "model_max_length": context, "do_lower_case": true, "add_prefix_space": false,
		"errors":    "replace",
		"bos_token": startToken, "eos_token": endToken, "unk_token": endToken, "pad_token": endToken,
	}
	special := map[string]any{"bos_token": startToken, "eos_token": endToken, "unk_token": endToken, "pad_token": endToken}
	return map[string]FileWriter{
		"vocab.json":              func(w io.Writer) error { return json.NewEncoder(w).Encode(vocab) },
		"tokenizer_config.json":   func(w io.Writer) error { return durable.EncodeJSON(w, config) },
		"special_tokens_map.json": func(w io.Writer) error { return durable.EncodeJSON(w, special) },
		"tokenizer.json":          func(w io.Writer) error { return json.NewEncoder(w).Encode(clipFast(vocab, merges)) },
		"merges.txt": func(w io.Writer) error {
			_, err := io.WriteString(w, "#version: 0.2\n"+strings.Join(merges, "\n")+"\n")
			return err
		},
	}
}

// ordered is a JSON object that maps each name to its index, in order.
type ordered struct{ names []string }

// MarshalJSON keeps the order, which a map loses.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, name := range o.names {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%s:%d", key, i)
	}
	return append(append([]byte{'{'}, bytes.TrimPrefix(b.Bytes(), []byte(","))...), '}'), nil
}

// object is a JSON object with keys of another program's format.
type object = map[string]any

// clipFast is tokenizer.json: the same tokenizer for the tokenizers library.
func clipFast(vocab ordered, merges []string) object {
	n := len(vocab.names)
	added := func(id int) object {
		return object{"id": id, "content": vocab.names[id], "single_word": false, "lstrip": false, "rstrip": false, "normalized": true,
			"special": true}
	}
	byteLevel := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	return object{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens": []object{added(n - 2), added(n - 1)},
		"normalizer": object{"type": "Sequence", "normalizers": []object{
			{"type": "NFC"}, {"type": "Replace", "pattern": object{"Regex": `\s+`}, "content": " "}, {"type": "Lowercase"},
		}},
		"pre_tokenizer": object{"type": "Sequence", "pretokenizers": []object{
			{"type": "Split", "pattern": object{"Regex": clipPattern}, "behavior": "Removed", "invert": true}, byteLevel,
		}},
		"post_processor": object{
			"type": "RobertaProcessing", "sep": []any{endToken, n - 1}, "cls": []any{startToken, n - 2}, "trim_offsets": false,
			"add_prefix_space": false,
		},
		"decoder": byteLevel,
		"model": object{
			"type": "BPE", "dropout": nil, "unk_token": endToken, "continuing_subword_prefix": "", "end_of_word_suffix": "</w>",
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": merges,
		},
	}
}
