package benchmark

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
)

// Entry is a complete cell.
type Entry struct {
	Result  *clipbenchmark.Result
	Details *Details
}

// Main is the value that stands for the cell in a table; NaN if it isn't defined.
func (e Entry) Main() float64 {
	v, _ := e.Result.Value(tasks[e.Result.Task].main)
	if f, ok := v.(float64); ok {
		return f
	}
	return math.NaN()
}

// Collect reads the complete cells of a folder in the order of models, data sets and tasks. Other files are passed over.
func Collect(out string) ([]Entry, error) {
	files, err := os.ReadDir(filepath.Join(out, detailsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var entries []Entry
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		r, err := clipbenchmark.ReadFile(filepath.Join(out, name+".json"))
		if err != nil {
			continue // the cell isn't complete
		}
		d, err := Cell{Model: r.Model, Pretrained: r.Pretrained, Data: r.Dataset, Task: r.Task}.read(out)
		if err != nil {
			return nil, err
		}
		if d != nil {
			entries = append(entries, Entry{r, d})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		x, y := a.Result, b.Result
		return cmp.Or(cmp.Compare(x.Model, y.Model), cmp.Compare(x.Pretrained, y.Pretrained), cmp.Compare(x.Dataset, y.Dataset),
			cmp.Compare(x.Task, y.Task))
	})
	return entries, nil
}

// Results are the entries' results.
func Results(entries []Entry) []*clipbenchmark.Result {
	var out []*clipbenchmark.Result
	for _, e := range entries {
		out = append(out, e.Result)
	}
	return out
}

// Compare compares two cells of the same task on the same data. ok is false if their samples are not the same.
func Compare(a, b Entry) (d eval.Difference, ok bool) {
	x, y := a.Details, b.Details
	if x.Task != y.Task || x.DataDigest != y.DataDigest || len(x.Hits) != len(y.Hits) {
		return d, false
	}
	d, err := eval.Compare(x.Hits, y.Hits)
	return d, err == nil
}
