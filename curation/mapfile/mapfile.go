// Package mapfile writes a map of a collection: as a page, as a table for Embedding Atlas and other tools, and as a folder for
// TensorBoard's projector.
package mapfile

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"clipgo/curation"
	"clipgo/internal/durable"
	"clipgo/internal/paths"
)

// Map is the places of a collection's pictures.
type Map struct {
	Collection *curation.Collection
	Place      []float64 // [Len, 2]
	Near       [][]curation.Neighbour
	Groups     []curation.Decision // with the group of each picture; nil: none
}

// row is a picture in a table. The names of the columns are those of Embedding Atlas.
type row struct {
	Path      string     `json:"path" parquet:"path"`
	Caption   string     `json:"caption" parquet:"caption"`
	X         float64    `json:"projection_x" parquet:"projection_x"`
	Y         float64    `json:"projection_y" parquet:"projection_y"`
	Group     int        `json:"group" parquet:"group"`
	Neighbors neighbours `json:"neighbors" parquet:"neighbors"`
}

type neighbours struct {
	IDs       []int64   `json:"ids" parquet:"ids,list"`
	Distances []float64 `json:"distances" parquet:"distances,list"` // 1 - cosine
}

// writers are the forms of a map by the file's ending.
var writers = map[string]func(m *Map, w io.Writer) error{
	".html": (*Map).writePage, ".parquet": (*Map).writeParquet, ".csv": (*Map).writeCSV, ".jsonl": (*Map).writeLines,
}

// Formats are the endings of files that Write knows, for messages.
const Formats = ".html, .parquet, .csv or .jsonl"

// Write writes the map as the file's ending says: a page, or a table with a row for each picture. The file is replaced as a whole.
func (m *Map) Write(file string) error {
	write := writers[ending(file)]
	if write == nil {
		return fmt.Errorf("%s: the ending is not %s", file, Formats)
	}
	return durable.WriteFile(file, 0o644, func(w io.Writer) error { return write(m, w) })
}

// Known reports whether Write knows a file's ending.
func Known(file string) bool { return writers[ending(file)] != nil }

func ending(file string) string { return strings.ToLower(filepath.Ext(file)) }

func (m *Map) group(i int) int {
	if m.Groups == nil {
		return 0
	}
	return m.Groups[i].Group
}

func (m *Map) row(i int) row {
	item := m.Collection.Items[i]
	r := row{Path: paths.Text(item.Path), Caption: strings.ToValidUTF8(item.Caption, "\ufffd"), Group: m.group(i)}
	r.X, r.Y = m.Place[2*i], m.Place[2*i+1]
	for _, n := range m.Near[i] {
		r.Neighbors.IDs = append(r.Neighbors.IDs, int64(n.Row))
		r.Neighbors.Distances = append(r.Neighbors.Distances, max(1-n.Score, 0))
	}
	return r
}

func (m *Map) writeParquet(out io.Writer) error {
	w := parquet.NewGenericWriter[row](out, parquet.CreatedBy("clipgo", "1", ""), parquet.Compression(&parquet.Snappy))
	for i := range m.Collection.Items {
		if _, err := w.Write([]row{m.row(i)}); err != nil {
			return err
		}
	}
	return w.Close()
}

func (m *Map) writeLines(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for i := range m.Collection.Items {
		if err := e.Encode(m.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Map) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write([]string{"path", "caption", "projection_x", "projection_y", "group"}); err != nil {
		return err
	}
	for i := range m.Collection.Items {
		r := m.row(i)
		if err := w.Write([]string{r.Path, r.Caption, number(r.X), number(r.Y), strconv.Itoa(r.Group)}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }
