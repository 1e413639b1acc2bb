package bpe

import (
	"strings"
)

const stackSize = 512

func appendClean(dst []byte, text string) []byte {
	return append(dst, strings.ToLower(strings.Join(strings.Fields(text), " "))...)
}
func readable(text string) string { return text }
func replaceInvalid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
