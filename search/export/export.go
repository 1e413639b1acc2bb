// Package export writes the rows of an index in the forms of other programs.
package export

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/npy"
	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/columns"
)

// Form is a form of an export.
type Form string

// The forms. All have the live rows of one table, in the order of the index; rows without a feature of the table are left out.
const (
	Parquet       Form = "parquet"        // a file: path, caption, embedding
	Npy           Form = "npy"            // a folder: features.npy [n, dim] float32, rows.jsonl
	Faiss         Form = "faiss"          // a file: faiss's IndexFlatIP; and OUT.jsonl with path and caption of each row
	ClipRetrieval Form = "clip-retrieval" // a folder as clip-retrieval's inference writes it, both tables
)

// Forms are the names of all forms, for messages.
const Forms = "parquet, npy, faiss, clip-retrieval"

// Result is what was written.
type Result struct {
	Form Form   `json:"form"`
	Out  string `json:"out"`
	Rows int    `json:"rows"`
	Left int    `json:"left_out"` // rows without a feature of the table
}

// Write exports an index. What out names must not be there yet.
func Write(ctx context.Context, ix *search.Folder, table search.Table, form Form, out string) (Result, error) {
	r := Result{Form: form, Out: out}
	if _, err := os.Lstat(out); err == nil {
		return r, fault.Usagef("%s exists already", out)
	}
	rows := &rows{ctx: ctx, ix: ix, table: table}
	var err error
	switch form {
	case Parquet:
		err = durable.WriteFile(out, 0o644, rows.parquet)
	case Npy:
		err = durable.WriteDir(out, rows.npy)
	case Faiss:
		err = rows.faiss(out)
	case ClipRetrieval:
		if ix.Info().Fingerprint == "" {
			return r, fault.Usagef("the index has clip-retrieval's layout already")
		}
		err = rows.clipRetrieval(out)
	default:
		return r, fault.Usagef("%q is none of %s", form, Forms)
	}
	r.Rows, r.Left = rows.written, rows.left
	return r, err
}

// rows goes over the rows of an index that have a feature of a table.
type rows struct {
	ctx           context.Context
	ix            *search.Folder
	table         search.Table
	written, left int
}

// each calls use for each row. It can be called again.
func (r *rows) each(use func(record search.Record, feature []float32) error) error {
	r.written, r.left = 0, 0
	for record, err := range r.ix.Records(r.ctx) {
		if err != nil {
			return err
		}
		feature := record.Image
		if r.table == search.Texts {
			feature = record.Text
		}
		if feature == nil {
			r.left++
			continue
		}
		r.written++
		if err := use(record, feature); err != nil {
			return err
		}
	}
	return nil
}

type parquetRow struct {
	Path      string    `parquet:"path"`
	Caption   string    `parquet:"caption"`
	Embedding []float32 `parquet:"embedding,list"`
}

// parquet writes a row for each picture, with the further columns of the index behind the others.
func (r *rows) parquet(out io.Writer) error {
	further, err := r.ix.Columns()
	if err != nil {
		return err
	}
	own := parquet.SchemaOf(parquetRow{})
	w := parquet.NewGenericWriter[any](out, columns.Schema(own, further), parquet.CreatedBy("clipgo", "1", ""),
		parquet.Compression(&parquet.Snappy))
	err = r.each(func(record search.Record, feature []float32) error {
		row := own.Deconstruct(nil, parquetRow{paths.Text(record.Path), strings.ToValidUTF8(record.Caption, "\ufffd"), feature})
		_, err := w.WriteRows([]parquet.Row{columns.Append(row, len(own.Columns()), further, record.Metadata)})
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// line is a row of rows.jsonl.
type line struct {
	Path     string         `json:"path"`
	Caption  string         `json:"caption"`
	Metadata columns.Values `json:"metadata,omitempty"`
}

func lineOf(r search.Record) line { return line{paths.Text(r.Path), r.Caption, r.Metadata} }

func (r *rows) npy(dir string) error {
	if err := r.each(func(search.Record, []float32) error { return nil }); err != nil { // the header has their number
		return err
	}
	list, err := os.Create(filepath.Join(dir, "rows.jsonl"))
	if err != nil {
		return err
	}
	defer list.Close()
	table, err := os.Create(filepath.Join(dir, "features.npy"))
	if err != nil {
		return err
	}
	defer table.Close()
	text, features := bufio.NewWriter(list), bufio.NewWriter(table)
	_, _ = features.Write(npy.MatrixHead("<f4", r.written, r.ix.Info().Dim)) // Flush reports it
	lines := json.NewEncoder(text)
	lines.SetEscapeHTML(false)
	err = r.each(func(record search.Record, feature []float32) error {
		if err := lines.Encode(lineOf(record)); err != nil {
			return err
		}
		return binary.Write(features, binary.LittleEndian, feature)
	})
	for _, step := range []func() error{text.Flush, features.Flush, list.Close, table.Close} {
		if err == nil {
			err = step()
		}
	}
	return err
}

// faiss writes an IndexFlatIP as faiss's write_index does, and the rows in OUT.jsonl: row n is line n + 1.
func (r *rows) faiss(out string) error {
	var names []line
	var features []float32
	err := r.each(func(record search.Record, feature []float32) error {
		names, features = append(names, lineOf(record)), append(features, feature...)
		return nil
	})
	if err != nil {
		return err
	}
	header := []any{[]byte("IxFI"), int32(r.ix.Info().Dim), int64(len(names)), int64(1 << 20), int64(1 << 20), // two values of no meaning
		uint8(1), int32(0), // it is trained; the metric is the inner product
		uint64(len(features)), features}
	err = durable.WriteFile(out, 0o644, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		for _, v := range header {
			if err := binary.Write(b, binary.LittleEndian, v); err != nil {
				return err
			}
		}
		return b.Flush()
	})
	if err != nil {
		return err
	}
	return durable.WriteFile(out+".jsonl", 0o644, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		for _, one := range names {
			if err := lines.Encode(one); err != nil {
				return err
			}
		}
		return nil
	})
}

// clipRetrieval writes a fresh index of the live rows: its layout is clip-retrieval's.
func (r *rows) clipRetrieval(out string) (err error) {
	w, err := search.Update(out, r.ix.Info().Space)
	if err != nil {
		return err
	}
	defer func() {
		if closed := w.Close(); err == nil {
			err = closed
		}
	}()
	r.written, r.left = 0, 0
	for record, err := range r.ix.Records(r.ctx) {
		if err != nil {
			return err
		}
		if err := w.Add(record.AsRow()); err != nil {
			return err
		}
		r.written++
	}
	return w.Commit()
}
