package tokenizer

import (
	"fmt"
	"strings"

	"clipgo/text/bpe"
)

// Clean is how open_clip cleans a caption before its tokenizer sees it.
type Clean string

const (
	// CleanNone leaves the caption to the tokenizer, as transformers does.
	CleanNone Clean = ""
	// CleanWhitespace repairs the caption and collapses white space.
	CleanWhitespace Clean = "whitespace"
	// CleanLower is CleanWhitespace and lower case.
	CleanLower Clean = "lower"
	// CleanCanonicalize is CleanLower without ASCII punctuation, for SigLIP.
	CleanCanonicalize Clean = "canonicalize"
)

func (c Clean) function() (func(string) string, error) {
	switch c {
	case CleanNone:
		return func(text string) string { return text }, nil
	case CleanWhitespace:
		return func(text string) string { return bpe.Collapse(bpe.Repair(text)) }, nil
	case CleanLower:
		return func(text string) string { return bpe.Lower(bpe.Collapse(bpe.Repair(text))) }, nil
	case CleanCanonicalize:
		return func(text string) string { return Canonicalize(bpe.Repair(text)) }, nil
	}
	return nil, fmt.Errorf("tokenizer: clean %q isn't supported", string(c))
}

// Canonicalize is big_vision's canonicalize_text, which SigLIP's captions need: lower case, without ASCII punctuation (underscores become
// blanks), white space collapsed.
func Canonicalize(text string) string {
	text = withoutPunctuation(strings.ReplaceAll(text, "_", " "))
	return bpe.Collapse(bpe.Lower(text))
}

// withoutPunctuation removes Python's string.punctuation.
func withoutPunctuation(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '!' <= r && r <= '/', ':' <= r && r <= '@', '[' <= r && r <= '`', '{' <= r && r <= '~':
			return -1
		}
		return r
	}, text)
}
