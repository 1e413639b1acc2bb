package main

import (
	"errors"
	"os"
	"syscall"
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

// closeWith closes a source and joins its error.
func closeWith(err *error, c interface{ Close() error }) { *err = errors.Join(*err, c.Close()) }

// vacant refuses a folder that holds something: nothing is written over.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return usagef("%s is not empty; the model needs a new folder", dir)
	case err != nil && !os.IsNotExist(err):
		return usagef("%s: it is not a folder", dir)
	}
	return nil
}
