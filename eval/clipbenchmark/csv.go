package clipbenchmark

import (
	"encoding/csv"
	"io"
)

// WriteCSV writes results as CLIP_benchmark's command build does: a row for each, a column for each key of any of them, CRLF at the ends of
// lines. Its columns have an arbitrary order. Here they have that of Columns. A result without metrics has a row without them.
func WriteCSV(w io.Writer, results []*Result) error {
	return WriteCSVColumns(w, results, Columns(results))
}

// Columns are the keys of results: the data set, the model and the task, then the metrics in the order of their first occurrence, then
// names and templates.
func Columns(results []*Result) []string {
	columns := []string{"dataset", "model", "pretrained", "model_fullname", "task", "language"}
	seen := map[string]bool{}
	for _, r := range results {
		for _, m := range r.Metrics {
			if !seen[m.Key] {
				seen[m.Key] = true
				columns = append(columns, m.Key)
			}
		}
		for key, there := range map[string]bool{"classnames": r.Classnames != nil, "templates": r.Templates != nil} {
			seen[key] = seen[key] || there
		}
	}
	for _, key := range []string{"classnames", "templates"} {
		if seen[key] {
			columns = append(columns, key)
		}
	}
	return columns
}

// WriteCSVColumns is WriteCSV with columns in a given order, such as those of a table that CLIP_benchmark wrote: the bytes are then the
// same.
func WriteCSVColumns(w io.Writer, results []*Result, columns []string) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, r := range results {
		row := make([]string, len(columns))
		for i, key := range columns {
			row[i] = r.cell(key)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell is the text of a column; empty if the result has none.
func (r *Result) cell(key string) string {
	switch key {
	case "dataset":
		return r.Dataset
	case "model":
		return r.Model
	case "pretrained":
		return r.Pretrained
	case "model_fullname":
		return r.Model + " " + r.Pretrained
	case "task":
		return r.Task
	case "language":
		return r.Language
	case "classnames":
		if r.Classnames != nil {
			return repr(r.Classnames)
		}
		return ""
	case "templates":
		if r.Templates != nil {
			return repr(r.Templates)
		}
		return ""
	}
	v, ok := r.Value(key)
	if !ok || v == nil {
		return ""
	}
	if text, ok := v.(string); ok {
		return text
	}
	return repr(v)
}
