package durable

import (
	"os"
	"path/filepath"

	"clipgo/internal/fault"
)

// CheckFile refuses a path at which no file can be written, before work that takes long.
func CheckFile(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return fault.Usagef("%s is a directory; name a file", path)
	}
	dir := filepath.Dir(path)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return fault.Usagef("%s can't be written: there is no directory %s", path, dir)
	}
	return nil
}
