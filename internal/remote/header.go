package remote

import (
	"net/http"
	"strconv"
	"strings"
)

// maxMessage is the number of bytes of a server's message that are shown.
const maxMessage = 300

// Range is the header of a request for the bytes [from, to); to < 0: up to the end.
func Range(from, to int64) http.Header {
	switch {
	case to >= 0:
		return http.Header{"Range": {"bytes=" + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10)}}
	case from > 0:
		return http.Header{"Range": {"bytes=" + strconv.FormatInt(from, 10) + "-"}}
	}
	return http.Header{}
}

// ContentRange reads which bytes [from, to) a partial answer holds, and the size of the whole file; -1 for what is unknown.
func ContentRange(value string) (from, to, total int64) {
	rest, ok := strings.CutPrefix(value, "bytes ")
	span, whole, found := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(span, "-")
	if !ok || !found || !dash {
		return -1, -1, Number(whole)
	}
	from, to = Number(first), Number(last)
	if from < 0 || to < from {
		return -1, -1, Number(whole)
	}
	return from, to + 1, Number(whole)
}

// Number reads a number that is not negative; -1 if it isn't one.
func Number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// ETag is an ETag without its quotes and without the mark of a weak one.
func ETag(value string) string { return strings.Trim(strings.TrimPrefix(value, "W/"), `"`) }

// Line is a server's own message as one short printable line.
func Line(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text[:min(len(text), maxMessage)]))
}
