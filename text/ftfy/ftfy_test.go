package ftfy

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What ftfy.fix_text of ftfy 6.3.1 makes of each.
func TestFix(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"  plain ASCII,\tas it is\r\n", "  plain ASCII,\tas it is\r\n"},
		{"caf\u00c3\u00a9", "caf\u00e9"},
		{"\u00c3\u0192\u00c2\u00a9", "\u00e9"}, // twice
		{"don\u00e2\u20ac\u2122t", "don't"},
		{"\u00d0\u009f\u00d1\u0080\u00d0\u00b8\u00d0\u00b2\u00d0\u00b5\u00d1\u201a", "\u041f\u0440\u0438\u0432\u0435\u0442"},
		{"\u65e5\u672c caf\u00c3\u00a9", "\u65e5\u672c caf\u00e9"}, // among good text
		{"Z\u221a\u00barich", "Z\u00fcrich"},                       // Mac Roman
		{"d\u251c\u2310j\u251c\u00e1", "d\u00e9j\u00e0"},           // code page 437
		{"voil\u00c3  le travail", "voil\u00e0 le travail"},        // a no-break space that became a blank
		{"\u00e2\u20ac\u0153so\u00e2\u20ac\ufffd", "\"so\ufffd"},   // a lost byte
		{"S\u00e3o \u00c5ngstr\u00f6m \u00a9 2020 \u00abbon\u00bb \u00a15\u20ac!", "S\u00e3o \u00c5ngstr\u00f6m \u00a9 2020 " +
			"\u00abbon\u00bb \u00a15\u20ac!"},
		{"&amp;amp; &eacute; &EACUTE;", "& \u00e9 \u00c9"},
		{"<b> &eacute;", "<b> &eacute;"}, // perhaps HTML
		{"\u201ccurly\u201d \u2018it\u2019s", "\"curly\" 'it's"},
		{"\ufb01ne \u0133 \u01c4", "fine ij D\u017d"},
		{"\uff26\uff55\uff4c\uff4c\uff01\u3000", "Full! "},
		{"e\u0301", "\u00e9"},
		{"\x1b[31;1mred\x1b[0m a\x00\x7fb\ufeff", "red ab"},
		{"\u0091x\u0092 \u0080", "'x' \u20ac"},
		{"a\xffb \xe2\x82 \xed\xa0\x80", "a\ufffdb \ufffd \ufffd\ufffd\ufffd"},
		{"caf\u00c3\u00a9\n\u00e9 &amp;", "caf\u00e9\n\u00e9 &"}, // line by line
	} {
		if got := Fix(c.text); got != c.want {
			t.Errorf("%+q: got %+q, want %+q", c.text, got, c.want)
		}
	}
}

// What html.unescape of Python 3.11 makes of each.
func TestUnescape(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"&copy &notit; &nosuch; & &;", "\u00a9 \u00acit; &nosuch; & &;"},
		{"&amp;lt;", "&lt;"},
		{"&nGt; &Uuml&#59;", "\u226b\u20d2 \u00dc;"},
		{"&#128; &#x80 &#0; &#xD800; &#1114112; &#99999999999999;", "\u20ac \u20ac \ufffd \ufffd \ufffd \ufffd"},
		{"a&#1;b&#xFFFE;&#; &#x;", "ab&#; &#x;"},
	} {
		if got := Unescape(c.text); got != c.want {
			t.Errorf("%+q: got %+q, want %+q", c.text, got, c.want)
		}
	}
}

// Anything quadratic would take minutes.
func TestFixTakesTimeByLength(t *testing.T) {
	begun := time.Now()
	for _, text := range []string{"\u00c3\u00a9", "\u00c3 ", "&amp;", "&", "\x1b[", "\u65e5\u00c3\u00a9", "\x1b[1;"} {
		Fix(strings.Repeat(text, (1<<18)/len(text)))
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("%v for seven texts of 256 KiB", took)
	}
}

func FuzzFix(f *testing.F) {
	for _, s := range []string{"caf\u00c3\u00a9", "&eacute;", "\x1b[1m", "a\xff", "\u00e2\u20ac\ufffd", "<b>&lt;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Fix(text)
		if !utf8.ValidString(got) {
			t.Errorf("%+q became %+q, which is not UTF-8", text, got)
		}
		if Simple(text) && (got != text || Unescape(text) != text) {
			t.Errorf("%+q is simple and became %+q", text, got)
		}
	})
}
