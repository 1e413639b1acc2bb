package ftfy

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// charset is a single-byte encoding as which UTF-8 is often misread. Bytes that it doesn't define are the C1 controls of the same number,
// as in software that misreads them.
type charset struct {
	decode [128]rune // of the bytes from 0x80 on
	encode map[rune]byte
	habits habits
}

// habits lists other damage that is common in text misread in an encoding.
type habits uint8

const (
	blanksLost habits = 1 << iota // byte A0, there a no-break space, became a blank
	bytesLost                     // bytes became U+FFFD
	mixed                         // it occurs in pieces among good text
)

func newCharset(m *charmap.Charmap, h habits) *charset {
	c := &charset{encode: make(map[rune]byte, 128), habits: h}
	for i := range c.decode {
		r := m.DecodeByte(byte(0x80 + i))
		if r == utf8.RuneError {
			r = rune(0x80 + i)
		}
		c.decode[i] = r
		c.encode[r] = byte(0x80 + i)
	}
	return c
}

// windows1252 is also what C1 controls mean on the web.
var windows1252 = newCharset(charmap.Windows1252, blanksLost|bytesLost|mixed)

// charsets are the encodings to try, the likeliest first.
var charsets = sync.OnceValue(func() []*charset {
	return []*charset{
		newCharset(charmap.ISO8859_1, blanksLost|mixed),
		windows1252,
		newCharset(charmap.Windows1251, blanksLost|bytesLost|mixed),
		newCharset(charmap.Windows1250, blanksLost|bytesLost|mixed),
		newCharset(charmap.Windows1253, blanksLost|bytesLost|mixed),
		newCharset(charmap.Windows1254, blanksLost|bytesLost|mixed),
		newCharset(charmap.Windows1257, blanksLost|bytesLost|mixed),
		newCharset(charmap.ISO8859_2, blanksLost),
		newCharset(charmap.Macintosh, 0),
		newCharset(charmap.CodePage437, blanksLost),
	}
})

// lostByte represents a byte that became U+FFFD.
const lostByte = 0x1a

// byteOf returns the byte that reads as the character.
func (c *charset) byteOf(r rune) (byte, bool) {
	if r < utf8.RuneSelf {
		return byte(r), true
	}
	if r == utf8.RuneError && c.habits&bytesLost != 0 {
		return lostByte, true
	}
	b, ok := c.encode[r]
	return b, ok
}

// reread encodes a text in the charset and decodes the bytes as UTF-8; false if one of the two fails.
func (c *charset) reread(text string) (string, bool) {
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := c.byteOf(r)
		if !ok {
			return "", false
		}
		raw = append(raw, b)
	}
	if c.habits&blanksLost != 0 {
		raw = restoreBlanks(raw)
	}
	if c.habits&bytesLost != 0 {
		raw = restoreLost(raw)
	}
	return string(raw), utf8.Valid(raw)
}

// first decodes one misread character at the start of a text; n is its length in the text, 0 if there is none.
func (c *charset) first(text string) (r rune, n int) {
	var raw [utf8.UTFMax]byte
	k := 0
	for i, r := range text {
		b, ok := c.encode[r]
		if !ok || k == len(raw) {
			break
		}
		raw[k] = b
		k++
		if fixed, size := utf8.DecodeRune(raw[:k]); size == k && fixed != utf8.RuneError {
			return fixed, i + utf8.RuneLen(r)
		}
	}
	return 0, 0
}
