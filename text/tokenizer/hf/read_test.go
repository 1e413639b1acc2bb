package hf

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

const (
	smallBPE     = `{"type":"BPE","unk_token":"?","vocab":{"?":0,"a":1,"b":2,"ab":3},"merges":["a b"]}`
	smallUnigram = `{"type":"Unigram","unk_id":0,"vocab":[["?",-9],["a",-1]]}`
)

func TestWhatIsNotSupportedIsRefusedByName(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{`{}`, "model"},
		{`[]`, "cannot unmarshal"},
		{`{"model":` + smallBPE + `} x`, "more"},
		{`{"model":` + smallBPE + `,"trainer":{}}`, "trainer"},
		{`{"model":{"type":"WordPiece"}}`, `"WordPiece" isn't supported`},
		{`{"model":{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}}`, "dropout"},
		{`{"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":{},"merges":[]}}`, "end_of_word_suffix"},
		{`{"model":{"type":"BPE","continuing_subword_prefix":"##","vocab":{},"merges":[]}}`, "continuing_subword_prefix"},
		{`{"model":{"type":"BPE","speed":1,"vocab":{},"merges":[]}}`, "speed"},
		{`{"model":{"type":"BPE","unk_token":"?","vocab":{},"merges":[]}}`, `"?" is not in the vocabulary`},
		{`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`, "id -1"},
		{`{"model":{"type":"BPE","vocab":{"a":1},"merges":["a b"]}}`, "merge 0"},
		{`{"model":{"type":"BPE","vocab":{"a":1},"merges":["a a a"]}}`, "a merge is"},
		{`{"model":{"type":"BPE","vocab":{"a":1},"merges":[["a"]]}}`, "a merge is"},
		{`{"model":{"type":"Unigram","vocab":[["a",-1]]}}`, "unknown"},
		{`{"model":{"type":"Unigram","unk_id":7,"vocab":[["a",-1]]}}`, "unknown"},
		{`{"model":{"type":"Unigram","unk_id":0,"vocab":[["a"]]}}`, "a piece is"},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"BertNormalizer"}}`, `normalizer: "BertNormalizer" isn't supported`},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Nmt"}}`, `"Nmt" isn't supported`},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"NFC","form":1}}`, "form"},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Replace","pattern":{"Regex":"(?i)a"},"content":""}}`, "(?i)a"},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Replace","pattern":{"Regex":"a*"},"content":""}}`, "nothing at all"},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Replace","pattern":{"Regex":"\\w"},"content":""}}`, `\\w`},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Replace","pattern":{"String":""},"content":""}}`, "pattern"},
		{`{"model":` + smallBPE + `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"}}`, "charsmap"},
		{`{"model":` + smallBPE + `,"normalizer":` + strings.Repeat(`{"type":"Sequence","normalizers":[`, 20) +
			strings.Repeat(`]}`, 20) + `}`, "nest"},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"Digits"}}`, `pre-tokenizer: "Digits" isn't supported`},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"ByteLevel","use_regex":1}}`, "use_regex"},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Doubled","invert":false}}`,
			"Doubled"},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"Metaspace","replacement":"__"}}`, "__"},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}}`, "last"},
		{`{"model":` + smallBPE + `,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},` +
			`{"type":"Metaspace","replacement":"_","prepend_scheme":"first"}]}}`, "first"},
		{`{"model":` + smallBPE + `,"post_processor":{"type":"RobertaProcessing","sep":["x",9],"cls":["a",0]}}`, `"x" has the id 9`},
		{`{"model":` + smallBPE + `,"post_processor":{"type":"BertProcessing","sep":["x"],"cls":["a",0]}}`, "a token and its id"},
		{`{"model":` + smallBPE + `,"post_processor":{"type":"Unknown"}}`, `"Unknown"`},
		{`{"model":` + smallBPE + `,"post_processor":{"type":"TemplateProcessing","single":[]}}`, "once"},
		{`{"model":` + smallBPE + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],` +
			`"special_tokens":{"x":{"ids":[9]}}}}`, "id 9"},
		{`{"model":` + smallBPE + `,"added_tokens":[{"id":5,"content":"a"}]}`, `"a" has the id 5`},
		{`{"model":` + smallBPE + `,"added_tokens":[{"id":-5,"content":"x"}]}`, "id -5"},
		{`{"model":` + smallBPE + `,"added_tokens":[{"id":5,"content":"x"},{"id":6,"content":"x"}]}`, "twice"},
		{`{"model":` + smallBPE + `,"truncation":{"direction":"Left"}}`, `"Left" isn't supported`},
		{`{"model":` + smallBPE + `,"padding":{"direction":"Right","pad_id":99}}`, "id 99"},
	} {
		if _, err := Read([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.100s: %v, want %q", c.file, err, c.want)
		}
	}
}

func TestSmallFilesAreRead(t *testing.T) {
	for _, model := range []string{smallBPE, smallUnigram} {
		tok, err := Read([]byte(`{"model":` + model + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if ids := tok.Append(nil, "abx\xff"); len(ids) == 0 || ids[len(ids)-1] != 0 {
			t.Errorf("%s: %v", model, ids)
		}
	}
}

// Damage leads to an error or to a tokenizer that encodes something.
func TestDamagedFilesNeverPanic(t *testing.T) {
	data := golden.Read(t, filepath.Join(golden.Dir(t, "tokenizers/hf/nfd"), "tokenizer.json.gz"))
	r := rand.New(rand.NewPCG(5, 7))
	read := 0
	for range 150 {
		bad := append([]byte{}, data...)
		for range 1 + r.IntN(3) {
			at := r.IntN(len(bad))
			if r.IntN(2) == 0 {
				at = r.IntN(3000) // where the pipeline is
			}
			bad[at] = "0123456789az\",:{}[]\\"[r.IntN(20)]
		}
		if tok, err := Read(bad); err == nil {
			read++
			tok.Append(nil, "a photo \u00e9\u0301 \ufb01 <b> \xff \u4e2d\u00bd \n\n")
		}
	}
	t.Logf("%d are tokenizers still", read)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"model":`+smallBPE+`}`), "a b")
	f.Add([]byte(`{"model":`+smallUnigram+`,"pre_tokenizer":{"type":"Metaspace","replacement":"_"}}`), "ab")
	f.Add(steps(replace("a", "aa"), replace("aa", " b"), `{"type":"Prepend","prepend":"_"}`, `{"type":"NFKC"}`), "aa \ufb01")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		var tok *Tokenizer
		var err error
		var ids []int32
		mb := allocated(func() {
			if tok, err = Read(data); err == nil {
				ids = tok.Append(nil, text)
			}
		})
		if limit := 512 + uint64(len(data)+len(text))>>10; mb > limit {
			t.Fatalf("%d MB for a file of %d bytes and a text of %d", mb, len(data), len(text))
		}
		for _, id := range ids {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
	})
}
