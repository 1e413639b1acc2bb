package ftfy

import (
	"bytes"
	"unicode/utf8"
)

// restoreBlanks puts byte A0 back where a blank is inside a UTF-8 sequence, which is what a no-break space becomes when
// misread text is tidied. Only the sequences of common scripts are worth the risk.
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

// aloneA says whether the a with grave whose A0 was a blank is the word "a" of French or Portuguese, so that the blank is
// needed as such too. It isn't before another blank, nor in the contractions of Portuguese.
func aloneA(rest []byte) bool {
	for _, s := range []string{" ", "quele", "quela", "quilo", "s "} {
		if bytes.HasPrefix(rest, []byte(s)) {
			return false
		}
	}
	return true
}

// restoreLost reads each UTF-8 sequence in which a byte is lost as one U+FFFD, so that it doesn't hide that the rest is
// UTF-8.
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
