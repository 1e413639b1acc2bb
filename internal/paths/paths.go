// Package paths answers small questions about paths of the file system.
package paths

import (
	"os"
	"path/filepath"
	"strings"
)

// Absolute is a path that means the same from every folder; where that can't be found out, the path as it is.
func Absolute(path string) string {
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

// Pictures lists the extensions that IsPicture knows, for messages.
const Pictures = ".jpg .jpeg .png .webp .gif .tif .tiff .bmp"

// IsPicture reports by its extension whether a path is that of a picture that clipgo reads.
func IsPicture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp":
		return true
	}
	return false
}
