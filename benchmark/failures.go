package benchmark

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
)

// Failure is a cell that could not be computed.
type Failure struct {
	Dataset    string `json:"dataset"`
	Model      string `json:"model"`
	Pretrained string `json:"pretrained"`
	Task       string `json:"task"` // auto: the tasks of the data set could not be found out
	Error      string `json:"error"`
}

// failedDir is the folder of the failures, below that of the results. A file is removed when its cell is complete.
const failedDir = "failed"

// autoTask is the task of a failure that concerns all tasks of a data set.
const autoTask = "auto"

func (c Cell) failureFile(out string) string { return filepath.Join(out, failedDir, c.name()+".json") }

// fail keeps the reason why a cell could not be computed.
func (c Cell) fail(out string, err error) error {
	if err := os.MkdirAll(filepath.Join(out, failedDir), 0o777); err != nil {
		return err
	}
	return durable.WriteJSON(c.failureFile(out), Failure{c.Data, c.Model, c.Pretrained, c.Task, err.Error()})
}

// succeed removes what fail kept.
func (c Cell) succeed(out string) error {
	if err := os.Remove(c.failureFile(out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Failures reads the failures of a folder of results, in the order of their files.
func Failures(out string) ([]Failure, error) {
	files, err := os.ReadDir(filepath.Join(out, failedDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Failure
	for _, e := range files {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		data, err := bounded.ReadFile(filepath.Join(out, failedDir, e.Name()), detailsKind)
		if err != nil {
			return nil, err
		}
		var f Failure
		if json.Unmarshal(data, &f) == nil && f.Error != "" {
			all = append(all, f)
		}
	}
	return all, nil
}
