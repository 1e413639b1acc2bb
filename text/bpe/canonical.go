package bpe

import (
	"strings"

	"clipgo/text/ftfy"
)

// Repair undoes what happens to captions on their way, as open_clip's basic_clean does but for its strip: ftfy's repair,
// then HTML entities twice more. Bytes that are not UTF-8 become U+FFFD.
func Repair(text string) string {
	return ftfy.Unescape(ftfy.Unescape(ftfy.Fix(text)))
}

// Lower is Python's str.lower().
func Lower(text string) string {
	return string(appendLower(nil, text))
}

// Collapse puts one blank for each run of white space and none at the ends.
func Collapse(text string) string {
	return strings.Join(strings.FieldsFunc(text, IsSpace), " ")
}
