package visible

import "testing"

func TestControlCharactersBecomeVisible(t *testing.T) {
	for text, want := range map[string]string{
		"na\u00efve \u4e2d \U0001f469\u200d\U0001f680 \u2764\ufe0f": "na\u00efve \u4e2d \U0001f469\u200d\U0001f680 \u2764\ufe0f",
		"\x1b]0;pwn\a\x1b[2J":        `\u001b]0;pwn\u0007\u001b[2J`,
		"two\nlines\r\t\x00\x7f":     `two\nlines\r\t\u0000\u007f`,
		"c1 \u0085\u009b, \u202egpj": `c1 \u0085\u009b, \u202egpj`,
		"caf\xe9 \xff":               `caf\xe9 \xff`,
		`back\slash`:                 `back\slash`,
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
