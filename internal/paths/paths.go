// Package paths answers small questions about paths of the file system.
package paths

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Journal is what a list's name has at its end in the name of the file with decisions that the list doesn't have yet.
const Journal = ".journal"

// remote matches names of what is elsewhere.
var remote = regexp.MustCompile(`(?i)^([a-z0-9]+://|hf-hub:|pipe:)`)

// Absolute is a path that means the same from every folder; where that can't be found out, the path as it is. A URL means the same already.
func Absolute(path string) string {
	if remote.MatchString(path) {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// Exists reports whether there is something at a path that may be looked at.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// PictureExtensions are the extensions of the pictures that clipgo reads, in lower case. vision/preprocess decodes them by content.
func PictureExtensions() []string {
	return []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".jfif", ".jpe", ".jif", ".tif", ".tiff", ".bmp"}
}

// IsPicture reports by its extension whether a path is that of a picture that clipgo reads.
func IsPicture(path string) bool {
	return slices.Contains(PictureExtensions(), strings.ToLower(filepath.Ext(path)))
}

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
