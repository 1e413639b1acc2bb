package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// padded adds prefix, suffix and padding to a caption's ids, in the same way for all tokenizers except CLIP's.
type padded struct {
	append         func(dst []int32, text string) []int32
	prefix, suffix []int32
	once           bool // no suffix after a truncated caption that ends with it (transformers' SiglipTokenizer)
	pad            int32
	fingerprint    string
}

// Fill implements Tokenizer.
func (p *padded) Fill(ids []int32, text string) int {
	n, _ := p.FillCut(ids, text)
	return n
}

// FillCut implements Tokenizer. If not even prefix and suffix fit, their end is kept.
func (p *padded) FillCut(ids []int32, text string) (n int, cut bool) {
	body := p.append(nil, text)
	room := len(ids) - len(p.prefix) - len(p.suffix)
	if cut = len(body) > max(room, 0); cut {
		body = body[:max(room, 0)]
	}
	n = copy(ids, p.prefix)
	n += copy(ids[n:], body)
	if !p.once || len(body) == 0 || len(p.suffix) != 1 || body[len(body)-1] != p.suffix[0] {
		n = min(n, max(len(ids)-len(p.suffix), 0))
		n += copy(ids[n:], p.suffix[max(len(p.suffix)-len(ids), 0):])
	}
	for i := n; i < len(ids); i++ {
		ids[i] = p.pad
	}
	return n, cut
}

// Fingerprint implements Tokenizer.
func (p *padded) Fingerprint() string {
	return p.fingerprint
}

// name computes the fingerprint from the model's file and the settings of padded.
func (p *padded) name(parts ...any) *padded {
	sum := sha256.Sum256(fmt.Append(nil, p.prefix, p.suffix, p.once, p.pad, parts))
	p.fingerprint = hex.EncodeToString(sum[:8])
	return p
}
