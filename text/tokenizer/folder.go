package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/text/bpe"
	"clipgo/text/tokenizer/hf"
	"clipgo/text/tokenizer/sentencepiece"
)

// folder is a model's folder whose tokenizer is being opened.
type folder struct {
	dir       string
	spec      Spec
	clean     func(string) string
	config    config
	modelType string // of config.json
}

// config holds the fields of tokenizer_config.json that affect the ids.
type config struct {
	Class          string               `json:"tokenizer_class"`
	PaddingSide    string               `json:"padding_side"`
	TruncationSide string               `json:"truncation_side"`
	Pad            name                 `json:"pad_token"`
	End            name                 `json:"eos_token"`
	Begin          name                 `json:"bos_token"`
	Unknown        name                 `json:"unk_token"`
	AddEnd         *bool                `json:"add_eos_token"`
	AddBegin       *bool                `json:"add_bos_token"`
	LowerCase      *bool                `json:"do_lower_case"`
	Legacy         *bool                `json:"legacy"`
	Added          map[int32]addedToken `json:"added_tokens_decoder"`
}

// addedToken is a string that has an id of its own wherever it occurs in a caption.
type addedToken struct {
	Content    string `json:"content"`
	LeftStrip  bool   `json:"lstrip"`
	RightStrip bool   `json:"rstrip"`
	SingleWord bool   `json:"single_word"`
}

// name is a token's name, which is a string or the content of an object.
type name string

func (n *name) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, (*string)(n))
	}
	var token addedToken
	err := json.Unmarshal(data, &token)
	*n = name(token.Content)
	return err
}

// or returns the name, or other if it is empty.
func (n name) or(other string) string {
	if n == "" {
		return other
	}
	return string(n)
}

func (f *folder) readConfigs() error {
	if err := f.readJSON("tokenizer_config.json", &f.config); err != nil {
		return err
	}
	var model struct {
		Type string `json:"model_type"`
	}
	if err := f.readJSON("config.json", &model); err != nil {
		return err
	}
	f.modelType = model.Type
	f.config.Class = strings.TrimSuffix(f.config.Class, "Fast")
	for _, side := range []string{f.config.PaddingSide, f.config.TruncationSide} {
		if side != "" && side != "right" {
			return fmt.Errorf("tokenizer_config.json: padding or truncation on the side %q isn't supported", side)
		}
	}
	return nil
}

// readJSON reads a file of the folder into v. Without the file v stays unchanged.
func (f *folder) readJSON(file string, v any) error {
	data, err := f.read(file)
	if err != nil || data == nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", file, fault.JSON(err))
	}
	return nil
}

// read returns nil for a file that isn't there.
func (f *folder) read(file string) ([]byte, error) {
	data, err := bounded.ReadFile(filepath.Join(f.dir, file), bounded.Tokenizer)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// open tries the kinds of tokenizer in transformers' order: the class in tokenizer_config.json, tokenizer.json, spiece.model,
// vocab.json with merges.txt. It also returns the number of ids.
func (f *folder) open() (Tokenizer, int, error) {
	pieces, err := f.read("spiece.model")
	if err != nil {
		return nil, 0, err
	}
	if f.siglip() && pieces != nil {
		return f.openSiglip(pieces)
	}
	file, err := f.read("tokenizer.json")
	if err != nil {
		return nil, 0, err
	}
	if file != nil {
		return f.openFile(file)
	}
	if pieces != nil {
		return f.openPieces(pieces)
	}
	return f.openCLIP()
}

// siglip reports whether spiece.model is to be used as by transformers' SiglipTokenizer.
func (f *folder) siglip() bool {
	return f.config.Class == "SiglipTokenizer" || f.config.Class == "" && f.modelType == "siglip"
}

// lower reports whether captions are lower-cased before tokenizer.json is applied.
func (f *folder) lower() bool {
	return f.config.Class == "Siglip2Tokenizer" || f.modelType == "siglip2"
}

// openFile opens tokenizer.json.
func (f *folder) openFile(file []byte) (Tokenizer, int, error) {
	if clip, err := isCLIP(file); clip || err != nil {
		return bpe.New(), bpe.VocabSize, err
	}
	t, err := hf.Read(file)
	if err != nil {
		return nil, 0, err
	}
	if f.lower() {
		if t, err = t.Lowercase(); err != nil {
			return nil, 0, err
		}
	}
	prefix, suffix, err := f.frame(t)
	if err != nil {
		return nil, 0, err
	}
	pad, ok := t.ID(f.config.Pad.or("<pad>"))
	if f.config.Pad == "" && t.Padding() >= 0 {
		pad, ok = t.Padding(), true
	}
	if !ok {
		return nil, 0, fmt.Errorf("it has no padding token %q", f.config.Pad.or("<pad>"))
	}
	p := &padded{append: f.cleaned(t.Append), prefix: prefix, suffix: suffix, pad: pad, fingerprint: f.fileFingerprint(file)}
	return p, t.Size(), nil
}

// frame returns the ids before and after each caption: the file's template, unless tokenizer_config.json selects the special tokens
// (Gemma's).
func (f *folder) frame(t *hf.Tokenizer) (prefix, suffix []int32, err error) {
	prefix, suffix = t.Template()
	if f.config.AddBegin == nil && f.config.AddEnd == nil {
		return prefix, suffix, nil
	}
	side := func(add *bool, token string) ([]int32, error) {
		if add == nil || !*add {
			return nil, nil
		}
		id, ok := t.ID(token)
		if !ok {
			return nil, fmt.Errorf("its special token %q has no id", token)
		}
		return []int32{id}, nil
	}
	if prefix, err = side(f.config.AddBegin, f.config.Begin.or("<bos>")); err != nil {
		return nil, nil, err
	}
	suffix, err = side(f.config.AddEnd, f.config.End.or("<eos>"))
	return prefix, suffix, err
}

// openPieces opens spiece.model for use as by SentencePiece itself (T5 in open_clip and big_vision).
func (f *folder) openPieces(file []byte) (Tokenizer, int, error) {
	m, err := sentencepiece.Read(file)
	if err != nil {
		return nil, 0, err
	}
	end, ok := m.ID(f.config.End.or("</s>"))
	if !ok {
		return nil, 0, fmt.Errorf("its end token %q has no id", f.config.End.or("</s>"))
	}
	pad, ok := m.ID(f.config.Pad.or("</s>")) // SigLIP pads with the end token
	if !ok {
		return nil, 0, fmt.Errorf("its padding token %q has no id", f.config.Pad)
	}
	p := &padded{append: f.cleaned(m.Append), suffix: []int32{end}, pad: pad}
	return p.name("spiece.model", m.Fingerprint(), f.spec.Clean), m.Size(), nil
}

// cleaned puts open_clip's cleaning before an encoder.
func (f *folder) cleaned(encode func([]int32, string) []int32) func([]int32, string) []int32 {
	clean := f.clean
	return func(dst []int32, text string) []int32 { return encode(dst, clean(text)) }
}
