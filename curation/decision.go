package curation

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/durable"
	"clipgo/internal/paths"
)

// Decision is what a method says of a picture. A list of decisions is a keep list: training, embedding and packing take it.
type Decision struct {
	Path   string  `json:"path" parquet:"path"`
	Keep   bool    `json:"keep" parquet:"keep"`
	Group  int     `json:"group" parquet:"group"` // from 1; 0: none
	Score  float64 `json:"score" parquet:"score"` // what it measures is the method's to say
	Reason string  `json:"reason" parquet:"reason"`
}

// Text is the decision with a path and a reason that are UTF-8: a path that isn't becomes a file: URI.
func (d Decision) Text() Decision {
	d.Path, d.Reason = paths.Text(d.Path), strings.ToValidUTF8(d.Reason, "\ufffd")
	return d
}

// writers are the forms of a list of decisions by the file's ending.
var writers = map[string]func(w io.Writer, list []Decision) error{
	".csv": writeCSV, ".jsonl": writeLines, ".parquet": writeParquet, ".txt": writePaths,
}

// Formats are the endings of files that Write knows, for messages.
const Formats = ".csv, .jsonl, .parquet or .txt"

// Known reports whether Write knows a file's ending.
func Known(file string) bool { return writers[ending(file)] != nil }

func ending(file string) string { return strings.ToLower(filepath.Ext(file)) }

// Write writes decisions as CSV, JSON lines or Parquet by the file's ending; .txt has the paths that are kept. The file is replaced as a
// whole.
func Write(file string, list []Decision) error {
	encode := writers[ending(file)]
	if encode == nil {
		return fmt.Errorf("%s: the ending is not %s", file, Formats)
	}
	out := slices.Clone(list)
	for i := range out {
		out[i] = out[i].Text()
	}
	return durable.WriteFile(file, 0o644, func(w io.Writer) error { return encode(w, out) })
}

func writeCSV(out io.Writer, list []Decision) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"path", "keep", "group", "score", "reason"}}
	for _, d := range list {
		keep := "0"
		if d.Keep {
			keep = "1"
		}
		rows = append(rows, []string{d.Path, keep, strconv.Itoa(d.Group), strconv.FormatFloat(d.Score, 'g', 6, 64), d.Reason})
	}
	return w.WriteAll(rows)
}

func writeLines(w io.Writer, list []Decision) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, d := range list {
		if err := e.Encode(d); err != nil {
			return err
		}
	}
	return nil
}

func writeParquet(out io.Writer, list []Decision) error {
	w := parquet.NewGenericWriter[Decision](out, parquet.CreatedBy("clipgo", "1", ""), parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(list); err != nil {
		return err
	}
	return w.Close()
}

func writePaths(w io.Writer, list []Decision) error {
	for _, d := range list {
		if d.Keep {
			if strings.ContainsAny(d.Path, "\n\r") {
				return fmt.Errorf("the name %q has a line break, which a list of lines can't hold: write .csv, .jsonl or .parquet", d.Path)
			}
			if _, err := fmt.Fprintln(w, d.Path); err != nil {
				return err
			}
		}
	}
	return nil
}
