package bpe

import "strings"

// Repair undoes what happens to captions on their way (ftfy's repair), then replaces HTML entities twice; open_clip's
// basic_clean, less its strip. Bytes that are no UTF-8 become U+FFFD.
func Repair(text string) string {
	if simple(text) {
		return text
	}
	return unescape(unescape(repair(replaceInvalid(text))))
}

// Lower is Python's str.lower().
func Lower(text string) string {
	return string(appendLower(nil, text))
}

// Collapse puts one blank for each run of white space and none at the ends.
func Collapse(text string) string {
	return strings.Join(strings.FieldsFunc(text, IsSpace), " ")
}
