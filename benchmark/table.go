package benchmark

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/durable"
)

// Entry is a complete cell.
type Entry struct {
	Result  *clipbenchmark.Result
	Details *Details
}

// Main is the value that stands for the cell in a table; NaN if it isn't defined.
func (e Entry) Main() float64 {
	v, _ := e.Result.Value(mainOf(e.Result))
	if f, ok := v.(float64); ok {
		return f
	}
	return math.NaN()
}

// mainOf is the metric that stands for a result.
func mainOf(r *clipbenchmark.Result) string {
	for _, main := range []string{multiLabelMain, jaccardMain} {
		if _, ok := r.Value(main); ok {
			return main
		}
	}
	return tasks[r.Task].main
}

// Outcome is what a folder of results holds.
type Outcome struct {
	Out      string
	Entries  []Entry
	Failures []Failure
}

// Read reads a folder of results. The entries are in the order of models, data sets, tasks and languages. A cell that failed is no entry,
// though its files may be those of other data or of another model under the same name.
func Read(out string) (*Outcome, error) {
	failures, err := Failures(out)
	if err != nil {
		return nil, err
	}
	entries, err := Collect(out)
	if err != nil {
		return nil, err
	}
	failed := map[Cell]bool{}
	for _, f := range failures {
		failed[f.cell()] = true
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return failed[cellOfResult(e.Result)] })
	return &Outcome{out, entries, failures}, nil
}

// MarshalJSON is the result's JSON, with the number of samples that were skipped, and with the results of kinds and groups, if there are
// any.
func (e Entry) MarshalJSON() ([]byte, error) {
	data, err := e.Result.MarshalJSON()
	if parts := e.Parts(); err == nil && parts != nil {
		var list []byte
		list, err = json.Marshal(parts)
		data = fmt.Appendf(bytes.TrimSuffix(data, []byte("}")), `,"parts":%s}`, list)
	}
	if err != nil || e.Details.Skipped == 0 {
		return data, err
	}
	return fmt.Appendf(bytes.TrimSuffix(data, []byte("}")), `,"skipped":%d}`, e.Details.Skipped), nil
}

// Collect reads the complete cells of a folder in the order of models, data sets, tasks and languages. Other files are passed over.
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
		d, err := cellOfResult(r).read(out)
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
			cmp.Compare(x.Task, y.Task), cmp.Compare(languageOf(x.Language), languageOf(y.Language)))
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

// The files of a benchmark beside its results.
const (
	TableFile    = "benchmark.csv"
	MarkdownFile = "benchmark.md"
	AveragesFile = "averages.jsonl" // a line for each model; clip_benchmark build takes every .json file for a result
	PageFile     = "index.html"
)

// WriteTable reads a folder of results and writes CLIP_benchmark's table of them, one in Markdown, the averages and the page.
func WriteTable(out string) (*Outcome, error) {
	o, err := Read(out)
	if err != nil {
		return nil, err
	}
	err = durable.WriteFile(filepath.Join(out, TableFile), 0o644, func(w io.Writer) error {
		return clipbenchmark.WriteCSV(w, Results(o.Entries))
	})
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(filepath.Join(out, MarkdownFile), 0o644, o.WriteMarkdown); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(filepath.Join(out, PartsFile), 0o644, o.WriteParts); err != nil {
		return nil, err
	}
	err = durable.WriteFile(filepath.Join(out, AveragesFile), 0o644, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		for _, m := range Averages(o.Entries) {
			if err := lines.Encode(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o, durable.WriteFile(filepath.Join(out, PageFile), 0o644, func(w io.Writer) error { return o.WritePage(w, "Benchmark") })
}

// Lines are the results as text: a line for each, with its main value in percent or why it failed, the averages, and where the page is.
func (o *Outcome) Lines() []string {
	var lines []string
	for _, e := range o.Entries {
		value := "not defined"
		if v := e.Main(); !math.IsNaN(v) {
			value = fmt.Sprintf("%.2f %%", 100*v)
		}
		if n := e.Details.Skipped; n > 0 {
			value += fmt.Sprintf(", %d samples skipped", n)
		}
		lines = append(lines, fmt.Sprintf("%-32s %-28s %-24s %s", modelName(e), inLanguage(e.Result.Dataset, e.Result.Language),
			mainOf(e.Result), value))
		lines = append(append(lines, studied(e)...), partLines(e)...)
	}
	for _, f := range o.Failures {
		lines = append(lines, fmt.Sprintf("%-32s %-28s %-24s failed: %s", shortName(f.Model, f.Pretrained),
			inLanguage(f.Dataset, f.Language), f.Task, f.Error))
	}
	for _, m := range Averages(o.Entries) {
		for _, a := range m.Averages {
			if a.Sets == 0 {
				continue
			}
			lines = append(lines, fmt.Sprintf("%-32s %s", shortName(m.Model, m.Pretrained), a.Line()))
		}
	}
	return append(lines, "page: "+filepath.Join(o.Out, PageFile))
}
