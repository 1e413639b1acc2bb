package benchmark

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// Cell is one task of one model on one data set.
type Cell struct {
	Model, Pretrained string
	Data              string
	Task              string
	Language          string `json:",omitempty"` // empty: en
}

// Details are what a cell's second file holds.
type Details struct {
	Cell
	// Fingerprint is that of model, data, task and settings together: the cell is computed again when it changes.
	Fingerprint string             `json:"fingerprint"`
	DataDigest  string             `json:"data_fingerprint"` // of the test split
	Parameters  int64              `json:"parameters"`
	Samples     int                `json:"samples"` // used
	Skipped     int                `json:"skipped"`
	Share       float64            `json:"skipped_share,omitempty"` // the largest of the splits that the cell reads
	Seconds     float64            `json:"seconds"`
	Hits        string             `json:"hits"` // 1 or 0 for each sample
	PerClass    []eval.ClassResult `json:"per_class,omitempty"`
	Mistakes    []Mistake          `json:"mistakes,omitempty"`
	Confused    []Confusion        `json:"confused,omitempty"`
	Place       string             `json:"place"` // of the test split
	More        map[string]any     `json:"more,omitempty"`
	Precision   string             `json:"precision"`
	Chance      *float64           `json:"chance,omitempty"` // the value of guessing for the metric that stands for the task
	// Notes say what names the classes have, if not their own, what is odd about the data, and why numbers are missing.
	Notes []string `json:"notes,omitempty"`
}

// Confusion is a number of samples of one class that were taken for another.
type Confusion struct {
	Label     string `json:"label"`
	Predicted string `json:"predicted"`
	N         int    `json:"n"`
}

// name is the base of the file names, as CLIP_benchmark's {dataset}_{pretrained}_{model}_{language}_{task}.
func (c Cell) name() string {
	return strings.NewReplacer("/", "_", `\`, "_", " ", "_", ":", "_").Replace(
		fmt.Sprintf("%s_%s_%s_%s_%s", strings.TrimPrefix(c.Data, "wds/"), c.Pretrained, c.Model, cmp.Or(c.Language, "en"), c.Task))
}

// String is the cell for messages.
func (c Cell) String() string {
	return fmt.Sprintf("%s, %s, %s", c.Model, inLanguage(c.Data, c.Language), c.Task)
}

// cellOfResult is the cell of a result.
func cellOfResult(r *clipbenchmark.Result) Cell {
	return Cell{Model: r.Model, Pretrained: r.Pretrained, Data: r.Dataset, Task: r.Task, Language: languageOf(r.Language)}
}

// inLanguage adds a language to a name unless it is en.
func inLanguage(name, language string) string {
	if languageOf(language) == "" {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, language)
}

// detailsDir is the folder of the second files, below that of the results.
const detailsDir = "details"

// detailsKind are the limits of a details file.
var detailsKind = bounded.Kind{Name: "the details of a result", Limit: 1 << 30, Fault: fault.Data}

// read returns the details of a cell that is complete, nil if it isn't there or is damaged.
func (c Cell) read(out string) (*Details, error) {
	data, err := bounded.ReadFile(filepath.Join(out, detailsDir, c.name()+".json"), detailsKind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &Details{}
	if json.Unmarshal(data, d) != nil {
		return nil, nil
	}
	if r, err := clipbenchmark.ReadFile(filepath.Join(out, c.name()+".json")); err != nil || r.Metrics == nil {
		return nil, nil // without metrics it is one that CLIP_benchmark couldn't measure
	}
	return d, nil
}

// write writes both files. The details come last: with them the cell is complete.
func (c Cell) write(out string, r *clipbenchmark.Result, d *Details) error {
	data, err := r.JSON(false)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, detailsDir), 0o777); err != nil {
		return err
	}
	err = durable.WriteFile(filepath.Join(out, c.name()+".json"), 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return durable.WriteJSON(filepath.Join(out, detailsDir, c.name()+".json"), d)
}

// keep writes everything about a complete cell.
func (c Cell) keep(out string, r *clipbenchmark.Result, d *Details, samples []Sample) error {
	if err := c.writeSamples(out, samples); err != nil {
		return err
	}
	if err := c.write(out, r, d); err != nil {
		return err
	}
	return c.succeed(out)
}

// digest is a hash of its parts.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s\n", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
