package datasets

import (
	"context"
	"encoding/json"
	"fmt"
)

// Summary is what is known of a source without opening its pictures.
type Summary struct {
	Info
	Samples int   `json:"samples"`
	Usable  int   `json:"usable"`               // of data with captions, only samples that have one
	NoText  int   `json:"no_caption,omitempty"` // of data with captions: usable pictures without one
	First   Entry `json:"first"`
}

// Summarize looks at every sample of a source.
func Summarize(ctx context.Context, src Source) (s Summary, err error) {
	s = Summary{Info: src.Info(), Samples: src.Len()}
	for n := range src.Len() {
		e, err := src.Entry(ctx, n)
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		switch {
		case err != nil || e.Bad != "":
		case len(e.Captions) == 0 && e.Label < 0:
			s.NoText++
		default:
			s.Usable++
		}
		if n == 0 {
			s.First = e
		}
	}
	if s.Usable == 0 { // no captions are expected
		s.Usable, s.NoText = s.NoText, 0
	}
	return s, nil
}

// Lines are the summary for people.
func (s Summary) Lines() (out []string) {
	put := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	put("data         %s (%s)", s.Name, s.Kind)
	put("samples      %d, %d usable (images not opened yet)", s.Samples, s.Usable)
	if s.NoText > 0 {
		put("no caption   %d pictures, usable only where captions are not needed", s.NoText)
	}
	if n := len(s.Classes); n > 0 {
		put("classes      %d: %s ...", n, s.Classes[0])
	}
	caption, _ := json.Marshal(s.First.Captions)
	put("first        %s  %s", s.First.Key, caption)
	put("fingerprint  %s", s.Fingerprint)
	for _, line := range s.Info.Lines() {
		put("note         %s", line)
	}
	for _, u := range s.Unread {
		put("note         %s: %s", u.Key, u.Reason)
	}
	return out
}
