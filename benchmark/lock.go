package benchmark

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clipgo/internal/durable"
)

// lock locks the folder of the results. A part locks itself only, since others may fill the same folder. Whoever has the whole folder
// removes what killed processes left half written.
func (s *Suite) lock() (*durable.Lock, error) {
	if !s.Share.All() {
		return durable.Acquire(filepath.Join(s.Out, fmt.Sprintf(".lock-%d-of-%d", s.Share.I, s.Share.N)))
	}
	lock, err := durable.AcquireDir(s.Out, ".lock")
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"", detailsDir, samplesDir, picturesDir, failedDir} {
		dir = filepath.Join(s.Out, dir)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := durable.Sweep(dir); err != nil {
			return nil, errors.Join(err, lock.Release())
		}
	}
	return lock, nil
}
