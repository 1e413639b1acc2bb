package serve

import (
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"clipgo/internal/paths"
)

// shown is a path as JSON can hold it. A relative one that isn't UTF-8 has such bytes escaped: paths.Text would make it absolute, which
// tells where the server runs.
func shown(path string) string {
	if utf8.ValidString(path) || filepath.IsAbs(path) {
		return paths.Text(path)
	}
	return (&url.URL{Path: path}).EscapedPath()
}

// fromShown is the path that shown was given.
func fromShown(text string) string {
	if path, err := url.PathUnescape(text); err == nil && !utf8.ValidString(path) && !strings.HasPrefix(text, "file:") {
		return path
	}
	return paths.FromText(text)
}
