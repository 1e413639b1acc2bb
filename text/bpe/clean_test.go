package bpe

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

func clean(text string) string { return string(appendClean(nil, text)) }

// What ftfy 6.3.1, html.unescape and lower() of Python 3.11 make of each.
func TestCleaning(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"  A  Cat\r\n on\ta MAT ", "a cat on a mat"},
		{"", ""},
		{" \u3000\u00a0\u2028\x0c ", ""},
		{"a\x0bb\x00c\x1fd\x7fe", "abcde"},
		{"a\u200bb", "a\u200bb"},
		{"a\ufeffb\u206ac\ufff9", "abc"},
		{"\x1b[31;1mred\x1b[0m", "red"},
		{"\x1b[1 \x1b[?25h \x1b", "[1 [?25h"},
		{"\u201ccurly\u201d \u2018it\u2019\u02bcs\u201b", "\"curly\" 'it''s'"},
		{"\ufb01ne o\ufb03ce \ufb05 \u0133 \u01c4 \u0149", "fine office \u017ft ij d\u017e 'n"},
		{"\uff26\uff55\uff4c\uff4c\uff01\uffe5", "full!\u00a5"},
		{"e\u0301 A\u030a", "\u00e9 \u00e5"},
		{"\u0091x\u0092 \u0080 \u0081", "'x' \u20ac \u0081"},
		{"&lt;b&gt; &amp;amp; &eacute;", "<b> & \u00e9"},
		{"<b> &eacute;&EACUTE;", "<b> \u00e9&eacute;"},
		{"&EACUTE; &SZLIG; &nGt; &COPYSR;", "\u00e9 ss \u226b\u20d2 \u00a9sr;"},
		{"&copy &notit; &nosuch; & &;", "\u00a9 \u00acit; &nosuch; & &;"},
		{"&#128; &#x80 &#0; &#xD800; &#1114112; &#99999999999999;", "\u20ac \u20ac \ufffd \ufffd \ufffd \ufffd"},
		{"&#x14e1&semi; &Uuml&#59;", "\u14e1 \u00fc;"},
		{"a&#1;b&#xFFFE;&#11;c&#; &#x;", "abc&#; &#x;"},
		{"\u03a3\u0391\u03a3 \u03a3 \u0391\u03a3. \u0391\u03a3\u0301\u0391 \u0391.\u03a3", "\u03c3\u03b1\u03c2 \u03c3 \u03b1\u03c2. " +
			"\u03b1\u03c3\u0301\u03b1 \u03b1.\u03c2"},
		{"\u0130\u1e9e\u212a", "i\u0307\u00dfk"},
		{"a\xffb \xe2\x82 \xf0\x9f\x98 \xc3(\xed\xa0\x80 \xf5\x80", "a\ufffdb \ufffd \ufffd \ufffd(\ufffd\ufffd\ufffd \ufffd\ufffd"},
		{"caf\u00c3\u00a9", "caf\u00e9"},
		{"\u00c3\u0192\u00c2\u00a9", "\u00e9"},
		{"don\u00e2\u20ac\u2122t", "don't"},
		{"\u00d0\u009f\u00d1\u0080\u00d0\u00b8\u00d0\u00b2\u00d0\u00b5\u00d1\u201a", "\u043f\u0440\u0438\u0432\u0435\u0442"},
		{"voil\u00c3  le travail", "voil\u00e0 le travail"},
		{"\u00c3 la carte", "\u00e0 la carte"},
		{"\u00c3 quele", "\u00e0quele"},
		{"\u65e5\u672c caf\u00c3\u00a9", "\u65e5\u672c caf\u00e9"},
		{"Z\u221a\u00barich", "z\u00fcrich"},
		{"d\u251c\u2310j\u251c\u00e1", "d\u00e9j\u00e0"},
		{"\u00e2\u20ac\u0153so\u00e2\u20ac\ufffd", "\"so\ufffd"},
		{"S\u00e3o \u00c5ngstr\u00f6m \u00a9 2020 \u00abbon\u00bb \u00a15\u20ac! \u00c5\u00a1", "s\u00e3o \u00e5ngstr\u00f6m \u00a9 " +
			"2020 \u00abbon\u00bb \u00a15\u20ac! \u00e5\u00a1"},
	} {
		if got := clean(c.text); got != c.want {
			t.Errorf("%+q: got %+q, want %+q", c.text, got, c.want)
		}
	}
}

func TestCleaningCleanTextKeepsIt(t *testing.T) {
	for _, text := range captions(500) {
		once := clean(text)
		if twice := clean(once); twice != once {
			t.Errorf("%q becomes %q", once, twice)
		}
		if slow := clean("\u00e9 " + text); slow != "\u00e9 "+once {
			t.Errorf("with an accent %q, without %q", slow, once)
		}
	}
}

// The fixtures give the clean text only where it isn't the text in lower case.
func TestGoldenCleanText(t *testing.T) {
	type cleaned struct {
		Class string  `json:"class"`
		Text  string  `json:"text"`
		Clean *string `json:"clean"`
	}
	path := filepath.Join(golden.Dir(t, "tokenizer"), "clip_bpe.jsonl")
	total, exact := 0, 0
	for n, l := range golden.Lines[cleaned](t, path) {
		if l.Clean == nil {
			continue
		}
		total++
		if got := clean(l.Text); got == *l.Clean {
			exact++
		} else {
			t.Logf("line %d (%s): %+q: got %+q, want %+q", n, l.Class, l.Text, got, *l.Clean)
		}
	}
	if float64(exact) < repairedFloor*float64(total) {
		t.Errorf("%d of %d clean texts are exact", exact, total)
	}
}

func TestRepairTakesTimeByLength(t *testing.T) {
	for _, text := range []string{"\u00c3\u00a9", "\u00c3 ", "&amp;", "&", "\x1b[", "\u03a3.", "\u65e5\u00c3\u00a9", "\x1b[1;"} {
		long := strings.Repeat(text, longest/len(text))
		New().Fill(make([]int32, 77), long) // finishes: anything quadratic would take minutes
	}
}
