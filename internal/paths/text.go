package paths

import (
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const fileURI = "file://"

// Text is a path as JSON and Parquet can hold it: the path itself, or, because their strings are UTF-8, the file: URI of a path that is
// not. FromText is the way back. A relative path that isn't UTF-8 becomes absolute.
func Text(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return fileURI + (&url.URL{Path: filepath.ToSlash(Absolute(path))}).EscapedPath()
}

// FromText is the path that Text was given. Other file: URIs, of paths that are UTF-8, stay as they are.
func FromText(text string) string {
	rest, ok := strings.CutPrefix(text, fileURI+"/")
	if !ok {
		return text
	}
	path, err := url.PathUnescape("/" + rest)
	if err != nil || utf8.ValidString(path) {
		return text
	}
	return filepath.FromSlash(path)
}
