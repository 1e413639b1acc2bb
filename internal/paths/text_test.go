package paths

import (
	"testing"
	"unicode/utf8"
)

func TestPathsThatAreNoUTF8BecomeURIsAndComeBack(t *testing.T) {
	for path, want := range map[string]string{
		"/p/a b%20.jpg":          "/p/a b%20.jpg",
		"rel\u00e9.jpg":          "rel\u00e9.jpg",
		"/p/caf\xe9.jpg":         "file:///p/caf%E9.jpg",
		"/p/caf\xe8.jpg":         "file:///p/caf%E8.jpg",
		"/p/%e9 \xff?#.jpg":      "file:///p/%25e9%20%FF%3F%23.jpg",
		"/x.tar/\xc3\u00e9\xed;": "file:///x.tar/%C3%C3%A9%ED;",
		"file:///p/caf%E9.jpg":   "file:///p/caf%E9.jpg", // no path of a row: those are absolute
	} {
		got := Text(path)
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
		if back := FromText(got); back != path && path[0] == '/' {
			t.Errorf("%q came back as %q", path, back)
		}
	}
	for _, text := range []string{"file:///p/a.jpg", "file:///p/%C3%A9.jpg", "file:///p/%zz\xff", "file:rel", "/p/a", ""} {
		if got := FromText(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
