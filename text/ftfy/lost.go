package ftfy

import (
	"bytes"
	"unicode/utf8"
)

// restoreBlanks replaces a blank inside a UTF-8 sequence by byte A0: the no-break space of misread text often becomes a blank. It does so
// only for sequences of common scripts, since others are too likely to be wrong.
func restoreBlanks(raw []byte) []byte {
	if bytes.IndexByte(raw, ' ') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw)+8)
	for i := 0; i < len(raw); {
		n := blankSequence(raw[i:])
		if n == 0 {
			out = append(out, raw[i])
			i++
			continue
		}
		out = append(out, bytes.ReplaceAll(raw[i:i+n], []byte{' '}, []byte{0xa0})...)
		if n == 2 && raw[i] == 0xc3 && aloneA(raw[i+2:]) {
			out = append(out, ' ')
		}
		i += n
	}
	return out
}

// blankSequence is the length of the UTF-8 sequence with one blank for A0 that the bytes begin with, 0 if none does.
func blankSequence(raw []byte) int {
	n := 0
	switch lead := raw[0]; {
	case bytes.IndexByte([]byte("\xc2\xc3\xc5\xce\xd0\xd9"), lead) >= 0:
		n = 2
	case 0xe0 <= lead && lead <= 0xe3:
		n = 3
	case lead == 0xf0:
		n = 4
	}
	if n == 0 || n > len(raw) || n == 3 && raw[0] < 0xe2 && raw[1] == ' ' {
		return 0
	}
	blanks := 0
	for _, b := range raw[1:n] {
		switch {
		case b == ' ':
			blanks++
		case b&0xc0 != 0x80, b == 0x85 && n == 3: // 85 is an ellipsis, likelier to end a word than to be inside one
			return 0
		}
	}
	if blanks != 1 {
		return 0
	}
	return n
}

// aloneA reports whether an a with grave whose A0 became a blank is the word "a" of French or Portuguese, so that the blank must be kept
// as well. It isn't before another blank, nor in the contractions of Portuguese.
func aloneA(rest []byte) bool {
	for _, s := range []string{" ", "quele", "quela", "quilo", "s "} {
		if bytes.HasPrefix(rest, []byte(s)) {
			return false
		}
	}
	return true
}

// restoreLost replaces each UTF-8 sequence with a lost byte by one U+FFFD, so that the rest can still be recognized as UTF-8.
func restoreLost(raw []byte) []byte {
	if bytes.IndexByte(raw, lostByte) < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw)+8)
	for i := 0; i < len(raw); {
		if n := lostSequence(raw[i:]); n > 0 {
			out = utf8.AppendRune(out, utf8.RuneError)
			i += n
			continue
		}
		out = append(out, raw[i])
		i++
	}
	return out
}

// lostSequence is the length of the UTF-8 sequence with lost bytes that the bytes begin with; a lost byte alone is one.
func lostSequence(raw []byte) int {
	n := 1
	switch lead := raw[0]; {
	case lead == lostByte:
		return 1
	case 0xc2 <= lead && lead <= 0xdf:
		n = 2
	case 0xe0 <= lead && lead <= 0xef:
		n = 3
	case 0xf0 <= lead && lead <= 0xf4:
		n = 4
	}
	if n == 1 || n > len(raw) || bytes.IndexByte(raw[:n], lostByte) < 0 {
		return 0
	}
	for _, b := range raw[1:n] {
		if b != lostByte && b&0xc0 != 0x80 {
			return 0
		}
	}
	return n
}
