package tokenizer

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/text/bpe"
)

func TestFillPadsCutsAndKeepsTheFrame(t *testing.T) {
	spell := func(dst []int32, text string) []int32 {
		for _, r := range text {
			dst = append(dst, r-'a'+10)
		}
		return dst
	}
	plain := &padded{append: spell, suffix: []int32{1}, pad: 0}
	once := &padded{append: spell, suffix: []int32{11}, once: true, pad: 11}
	framed := &padded{append: spell, prefix: []int32{2}, suffix: []int32{1}, pad: 7}
	for _, c := range []struct {
		tok    *padded
		text   string
		length int
		want   []int32
		n      int
		cut    bool
	}{
		{plain, "abc", 6, []int32{10, 11, 12, 1, 0, 0}, 4, false},
		{plain, "abc", 4, []int32{10, 11, 12, 1}, 4, false},
		{plain, "abc", 3, []int32{10, 11, 1}, 3, true},
		{plain, "abc", 1, []int32{1}, 1, true},
		{plain, "abc", 0, []int32{}, 0, true},
		{plain, "", 2, []int32{1, 0}, 1, false},
		{once, "ab", 4, []int32{10, 11, 11, 11}, 2, false},
		{once, "abc", 3, []int32{10, 11, 11}, 2, true},
		{once, "", 2, []int32{11, 11}, 1, false},
		{framed, "abc", 4, []int32{2, 10, 11, 1}, 4, true},
		{framed, "abc", 2, []int32{2, 1}, 2, true},
		{framed, "abc", 1, []int32{1}, 1, true},
		{framed, "", 3, []int32{2, 1, 7}, 2, false},
	} {
		ids := slices.Repeat([]int32{-1}, c.length)
		n, cut := c.tok.FillCut(ids, c.text)
		if !slices.Equal(ids, c.want) || n != c.n || cut != c.cut {
			t.Errorf("%q into %d: %v, %d ids, cut %v; want %v, %d, %v", c.text, c.length, ids, n, cut, c.want, c.n, c.cut)
		}
	}
}

// clipFiles are vocab.json, merges.txt and a tokenizer.json of CLIP.
func clipFiles(t *testing.T) map[string]string {
	t.Helper()
	tokens, merges := bpe.Spelled()
	ids := map[string]int32{"<|startoftext|>": bpe.Start, "<|endoftext|>": bpe.End}
	for id, token := range tokens {
		ids[token] = int32(id)
	}
	vocab, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(map[string]any{"model": map[string]any{
		"type": "BPE", "end_of_word_suffix": "</w>", "vocab": json.RawMessage(vocab), "merges": merges,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"vocab.json": string(vocab), "merges.txt": "#version: 0.2\n" + strings.Join(merges, "\n") + "\n", "tokenizer.json": string(whole),
	}
}

func TestFoldersOfCLIPHaveCLIPsTokenizer(t *testing.T) {
	files := clipFiles(t)
	for name, c := range map[string][]string{
		"no files":       nil,
		"vocab.json":     {"vocab.json", "merges.txt"},
		"tokenizer.json": {"tokenizer.json"},
	} {
		dir := t.TempDir()
		for _, f := range c {
			write(t, filepath.Join(dir, f), []byte(files[f]))
		}
		tok, err := Open(dir, Spec{VocabSize: bpe.VocabSize})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, ok := tok.(*bpe.Tokenizer); !ok {
			t.Errorf("%s: a %T", name, tok)
		}
	}
}

func TestFoldersThatCannotBeFollowedAreRefusedByName(t *testing.T) {
	clip := clipFiles(t)
	root := golden.Dir(t, "tokenizers")
	gemma := string(golden.Read(t, filepath.Join(root, "hf/gemma/tokenizer.json.gz")))
	pieces := string(golden.Read(t, filepath.Join(root, "sentencepiece/t5/spiece.model.gz")))
	for _, c := range []struct {
		name  string
		files map[string]string
		size  int
		want  string
	}{
		{"CLIP for a small tower", nil, 1000, "49408 ids are more than the text tower's 1000"},
		{"Gemma for a small tower", map[string]string{"tokenizer.json": gemma}, 1000, "more than the text tower's 1000"},
		{"pieces for a small tower", map[string]string{"spiece.model": pieces}, 1000, "1500 ids are more"},
		{"other merges", map[string]string{"vocab.json": clip["vocab.json"], "merges.txt": strings.Replace(clip["merges.txt"], "i n\n",
			"n i\n", 1)}, 1 << 20, "merge 0"},
		{"vocab alone", map[string]string{"vocab.json": clip["vocab.json"]}, 1 << 20, "0 merges"},
		{"other ids", map[string]string{"tokenizer.json": strings.Replace(clip["tokenizer.json"], `:320,`, `:321,`, 1)}, 1 << 20,
			"in CLIP's 320"},
		{"BERT", map[string]string{"tokenizer_config.json": `{"tokenizer_class":"BertTokenizer"}`, "vocab.txt": "[PAD]"}, 1 << 20,
			"BertTokenizer"},
		{"word pieces", map[string]string{"tokenizer.json": `{"model":{"type":"WordPiece"}}`}, 1 << 20, `"WordPiece" isn't supported`},
		{"Gemma's own file", map[string]string{"tokenizer.model": "x"}, 1 << 20, "tokenizer.model without tokenizer.json"},
		{"padding on the left", map[string]string{"tokenizer.json": gemma, "tokenizer_config.json": `{"padding_side":"left"}`}, 1 << 20,
			`"left" isn't supported`},
		{"no padding token", map[string]string{"tokenizer.json": gemma, "tokenizer_config.json": `{"pad_token":"[PAD]"}`}, 1 << 20,
			`no padding token "[PAD]"`},
		{"broken config", map[string]string{"tokenizer_config.json": `{"pad_token":`}, 1 << 20, "tokenizer_config.json"},
		{"broken pieces", map[string]string{"spiece.model": pieces[:len(pieces)/2]}, 1 << 20, "sentencepiece model"},
	} {
		dir := t.TempDir()
		for f, data := range c.files {
			write(t, filepath.Join(dir, f), []byte(data))
		}
		if _, err := Open(dir, Spec{VocabSize: c.size}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", c.name, err)
		}
	}
	if _, err := Open(t.TempDir(), Spec{VocabSize: bpe.VocabSize, Clean: "shout"}); err == nil || !strings.Contains(err.Error(), "shout") {
		t.Errorf("an unknown cleaning: %v", err)
	}
}

func TestFingerprintsTellTokenizersApart(t *testing.T) {
	root := golden.Dir(t, "tokenizers")
	dir, _ := assemble(t, root, "siglip")
	seen := map[string]string{bpe.New().Fingerprint(): "CLIP"}
	for _, clean := range []Clean{CleanNone, CleanWhitespace, CleanLower, CleanCanonicalize} {
		for again := range 2 {
			tok, err := Open(dir, Spec{VocabSize: 1 << 20, Clean: clean})
			if err != nil {
				t.Fatal(err)
			}
			other, ok := seen[tok.Fingerprint()]
			if ok != (again == 1) || ok && other != string(clean) {
				t.Errorf("clean %q has the fingerprint of %q, time %d", clean, other, again+1)
			}
			seen[tok.Fingerprint()] = string(clean)
		}
	}
}

func FuzzFill(f *testing.F) {
	for _, s := range []string{"", "a </s> b", "\u2581", "\xff\xc3(", "<unk></s>", "\u0130\u03a3 A_b", "\U0001f468\u200d\U0001f469",
		" \n\t"} {
		f.Add(s, 24)
	}
	root := golden.Dir(f, "tokenizers")
	var all []Tokenizer
	for _, name := range []string{"siglip", "siglip_bytes", "siglip_open_clip", "siglip2", "gemma"} {
		dir, spec := assemble(f, root, name)
		tok, err := Open(dir, Spec{VocabSize: 1 << 20, Clean: spec.Clean})
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, tok)
	}
	f.Fuzz(func(t *testing.T, text string, length int) {
		for _, tok := range all {
			ids := make([]int32, length&0x7f)
			n, cut := tok.FillCut(ids, text)
			again := make([]int32, len(ids))
			if tok.Fill(again, text); !slices.Equal(ids, again) {
				t.Fatalf("%q: %v, then %v", text, ids, again)
			}
			if n > len(ids) || slices.ContainsFunc(ids, func(id int32) bool { return id < 0 || id >= 4000 }) {
				t.Fatalf("%q: %d ids, cut %v: %v", text, n, cut, ids)
			}
		}
	})
}

// The quick look that identifies a large tokenizer.json gives what parsing the whole file gives.
func TestGoldenFingerprintsAreThoseOfWhatIsOpened(t *testing.T) {
	root := golden.Dir(t, "tokenizers")
	dirs, _ := filepath.Glob(filepath.Join(root, "folders", "*"))
	large := 0
	for _, d := range dirs {
		dir, f := assemble(t, root, filepath.Base(d))
		spec := Spec{VocabSize: math.MaxInt32, Clean: f.Clean}
		if path := filepath.Join(dir, "tokenizer.json"); f.Files["tokenizer.json"] != "" {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, append(data, bytes.Repeat([]byte(" "), largestCLIP)...))
			large++
		}
		tok, err := Open(dir, spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Fingerprint(dir, spec); err != nil || got != tok.Fingerprint() {
			t.Errorf("%s: %s %v, want %s", filepath.Base(d), got, err, tok.Fingerprint())
		}
	}
	if large == 0 {
		t.Error("no folder has a tokenizer.json")
	}
}
