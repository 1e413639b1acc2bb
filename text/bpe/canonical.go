package bpe

import (
	"strings"

	"clipgo/text/ftfy"
)

// Repair is open_clip's basic_clean without its strip: ftfy's repair, then HTML entities are unescaped twice more. Bytes that are not
// UTF-8 become U+FFFD.
func Repair(text string) string {
	return ftfy.Unescape(ftfy.Unescape(ftfy.Fix(text)))
}

// Lower is Python's str.lower().
func Lower(text string) string {
	return string(appendLower(nil, text))
}

// Collapse replaces each run of white space by one blank, and removes it at the ends.
func Collapse(text string) string {
	return strings.Join(strings.FieldsFunc(text, IsSpace), " ")
}
