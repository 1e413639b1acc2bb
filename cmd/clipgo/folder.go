package main

import (
	"errors"
	"os"
	"syscall"

	"clipgo/datasets"
)

// isFolder refuses a flag's path that is a file.
func isFolder(flag, path string) error {
	st, err := os.Stat(path)
	switch {
	case err == nil && !st.IsDir():
		return usagef("%s: %s is a file, not a directory", flag, path)
	case errors.Is(err, syscall.ENOTDIR):
		return usagef("%s: %s would lie in a file, not in a directory", flag, path)
	}
	return nil
}

// tellNotes says what opening the data had to guess or mend.
func tellNotes(c *console, info datasets.Info) {
	for _, note := range info.Notes {
		c.log.Info(note, "data", info.Name)
	}
}

// tellSkip warns of a sample that could not be used.
func (c *console) tellSkip(s datasets.Skip) {
	c.log.Warn("skipped", "sample", s.Key, "reason", s.Reason)
}

// closeWith closes a source and joins its error.
func closeWith(err *error, c interface{ Close() error }) { *err = errors.Join(*err, c.Close()) }
