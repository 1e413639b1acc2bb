package datasets

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// byteOrderMark is what some editors put at the beginning of UTF-8 files.
const byteOrderMark = "\ufeff"

// captionRepairs makes captions usable and counts the repairs. It is safe for concurrent use.
type captionRepairs struct {
	keys          captionKeys // of captions in JSON
	invalid, long atomic.Int64
}

// clean is a caption as the loader puts it into a batch.
func (r *captionRepairs) clean(caption string) string {
	caption = strings.TrimPrefix(caption, byteOrderMark)
	if len(caption) > captionLimit {
		r.long.Add(1)
	}
	if !utf8.ValidString(caption) {
		r.invalid.Add(1)
	}
	caption, _ = boundCaption(caption)
	return caption
}

// notes describes the repairs, a line for each kind.
func (r *captionRepairs) notes() []string {
	var out []string
	if n := r.long.Load(); n > 0 {
		out = append(out, fmt.Sprintf("cut %d captions to %d bytes", n, captionLimit))
	}
	if n := r.invalid.Load(); n > 0 {
		out = append(out, fmt.Sprintf("replaced invalid UTF-8 in %d captions", n))
	}
	return out
}

// usable cleans the texts and drops those that are empty or white space.
func (r *captionRepairs) usable(texts []string) []string {
	var out []string
	for _, t := range notEmpty(texts) {
		out = append(out, r.clean(t))
	}
	return out
}

// notEmpty are the texts that have more than white space.
func notEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return strings.TrimSpace(strings.TrimPrefix(t, byteOrderMark)) == "" })
}
