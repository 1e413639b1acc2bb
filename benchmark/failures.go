package benchmark

import (
	"encoding/json"
	"errors"
	"fmt"
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
	Language   string `json:"language,omitempty"` // empty: en
}

// cell is the cell that failed.
func (f Failure) cell() Cell {
	return Cell{Model: f.Model, Pretrained: f.Pretrained, Data: f.Dataset, Task: f.Task, Language: languageOf(f.Language)}
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
	return durable.WriteJSON(c.failureFile(out), Failure{c.Data, c.Model, c.Pretrained, c.Task, err.Error(), c.Language})
}

// succeed removes what fail kept.
func (c Cell) succeed(out string) error {
	if err := os.Remove(c.failureFile(out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// failedError is the error of several cells. It has their kinds; its text is that of the first ones.
type failedError struct {
	out  string
	errs []error
}

// namedFailures is the number of failures that an error names.
const namedFailures = 2

func (e *failedError) Error() string {
	var text []string
	for _, err := range e.errs[:min(len(e.errs), namedFailures)] {
		text = append(text, err.Error())
	}
	if n := len(e.errs) - len(text); n > 0 {
		text = append(text, fmt.Sprintf("and %d more failures, all named in %s", n, filepath.Join(e.out, failedDir)))
	}
	return strings.Join(text, "; ")
}

// Unwrap are the errors of the cells.
func (e *failedError) Unwrap() []error { return e.errs }

// failures are the errors of a suite's pairs as one; nil if there are none.
func failures(out string, errs []error) error {
	var all []error
	var add func(err error)
	add = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, inner := range joined.Unwrap() {
				add(inner)
			}
			return
		}
		all = append(all, err)
	}
	for _, err := range errs {
		add(err)
	}
	if len(all) == 0 {
		return nil
	}
	return &failedError{out, all}
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
