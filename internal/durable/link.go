package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Symlink makes path a symbolic link to target, in place of the link that is there: at any time path is one of the two.
func Symlink(target, path string) error {
	d, tmp := theDisk(), beside(path, partial)
	err := os.Symlink(target, tmp)
	if err == nil {
		err = d.rename(tmp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("link %s: %w", path, err), d.removeAll(tmp))
	}
	return syncDir(d, filepath.Dir(path))
}
