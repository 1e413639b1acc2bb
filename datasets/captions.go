package datasets

import (
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// captionRepairs makes captions usable and counts what it had to do. Several goroutines may use one.
type captionRepairs struct{ invalid, long atomic.Int64 }

// clean is a caption as the loader would hand it on.
func (r *captionRepairs) clean(caption string) string {
	if len(caption) > captionLimit {
		r.long.Add(1)
	}
	if !utf8.ValidString(caption) {
		r.invalid.Add(1)
	}
	caption, _ = boundCaption(caption)
	return caption
}

// notes says what was repaired.
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

// usable cleans the texts that hold more than white space; the others are dropped.
func (r *captionRepairs) usable(texts []string) []string {
	var out []string
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			out = append(out, r.clean(t))
		}
	}
	return out
}
