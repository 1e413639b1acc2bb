package datasets

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// tableRow is a row of a table: the cells that matter, or why it can't be read.
type tableRow struct {
	line         int64 // where it begins, from 1
	image, label string
	captions     []string
	bad          string
}

// separatorFor finds what separates a table's cells: what was asked for, tabs in a .tsv, else the separator of comma,
// semicolon and tab with which the header has the columns that are looked for, or else most columns.
func separatorFor(data []byte, extension string, o Options) (rune, error) {
	if o.CSVSeparator != "" {
		text := strings.ReplaceAll(o.CSVSeparator, `\t`, "\t")
		r, size := utf8.DecodeRuneInString(text)
		if size != len(text) || r == utf8.RuneError || strings.ContainsRune("\"\r\n\x00", r) {
			return 0, fmt.Errorf("%q can't separate columns: one character is needed", o.CSVSeparator)
		}
		return r, nil
	}
	if extension == ".tsv" {
		return '\t', nil
	}
	best, score := ',', -1
	for _, sep := range ",;\t" {
		header, err := newCSV(data, sep).Read()
		if err != nil {
			continue
		}
		n := len(header)
		if _, reason := chooseColumns(trimmedAll(header), o); reason == "" {
			n += 1 << 20
		}
		if n > score {
			best, score = sep, n
		}
	}
	return best, nil
}

func newCSV(data []byte, sep rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = sep, -1
	return r
}

func trimmedAll(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.TrimSpace(c)
	}
	return out
}

// csvRows reads records. A record that breaks the rules costs its first line alone: reading goes on at the next line, so
// a quote that is never closed does not swallow the rows behind it.
type csvRows struct {
	data   []byte
	sep    rune
	want   int   // cells of a record; 0 until the header is read
	from   int   // where the reader in use began
	before int64 // lines before from
	again  int   // bytes that may still be read a second time
}

func newCSVRows(data []byte, sep rune) *csvRows {
	return &csvRows{data: data, sep: sep, again: 1<<26 + len(data)}
}

// all calls row for each record with its line, and either its cells or what is wrong with it.
func (c *csvRows) all(row func(line int64, cells []string, bad string)) {
	for c.from < len(c.data) {
		c.read(newCSV(c.data[c.from:], c.sep), row)
	}
}

// read goes on to the end of the data, or to the first record that spans several lines by mistake.
func (c *csvRows) read(r *csv.Reader, row func(line int64, cells []string, bad string)) {
	for {
		start := c.from + int(r.InputOffset())
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			c.from = len(c.data)
			return
		}
		if err == nil && (c.want == 0 || len(cells) == c.want) {
			c.want = len(cells)
			line, _ := r.FieldPos(0)
			row(c.before+int64(line), cells, "")
			continue
		}
		for start < len(c.data)-1 && (c.data[start] == '\n' || c.data[start] == '\r') { // empty lines, passed over by the reader
			start++
		}
		end := lineEnd(c.data, start)
		line := c.before + int64(bytes.Count(c.data[c.from:start], []byte("\n"))) + 1
		cells, bad := c.judge(c.data[start:end], len(cells), err)
		row(line, cells, bad)
		if stop := c.from + int(r.InputOffset()); stop > end {
			c.restart(line+1, end, stop, row)
			return
		}
	}
}

// restart goes back to the line behind a broken record, unless too much has been read twice already.
func (c *csvRows) restart(line int64, end, stop int, row func(line int64, cells []string, bad string)) {
	c.from, c.before = end, line-1
	if c.again -= stop - end; c.again < 0 {
		row(line, nil, "not read: too many quotes before it are never closed; the rows behind it are lost too")
		c.from = len(c.data)
	}
}

func lineEnd(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(data)
}

// judge says what is wrong with a record of n cells, given its first line. A quote in the middle of a cell that does not
// begin with one is text.
func (c *csvRows) judge(first []byte, n int, err error) (cells []string, bad string) {
	if err == nil {
		return nil, fmt.Sprintf("the row has %d cells, the header %d", n, c.want)
	}
	if errors.Is(err, csv.ErrBareQuote) {
		r := newCSV(first, c.sep)
		r.LazyQuotes = true
		if cells, err := r.Read(); err == nil && (c.want == 0 || len(cells) == c.want) {
			c.want = len(cells)
			return cells, ""
		}
	}
	if errors.Is(err, csv.ErrQuote) {
		return nil, "the row has a quote that is not closed, or closed in the middle of a cell"
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		err = parse.Err
	}
	return nil, "the row can't be read: " + err.Error()
}

// readCSV reads a table with a header. The reason, where not empty, says why it can't be read as a whole.
func readCSV(data []byte, sep rune, o Options) (rows []tableRow, chosen tableColumns, reason string) {
	var image, caption, label int
	newCSVRows(data, sep).all(func(line int64, cells []string, bad string) {
		switch {
		case reason != "":
		case chosen.image == "" && bad != "":
			reason = fmt.Sprintf("its header in line %d can't be read: %s", line, bad)
		case chosen.image == "":
			columns := trimmedAll(cells)
			chosen, reason = chooseColumns(columns, o)
			image, caption, label = chosen.positions(columns)
		case bad != "":
			rows = append(rows, tableRow{line: line, bad: bad})
		default:
			rows = append(rows, tableRow{
				line: line, image: cell(cells, image), label: cell(cells, label), captions: []string{cell(cells, caption)},
			})
		}
	})
	return rows, chosen, reason
}

// positions are where the chosen columns stand; -1 for those that are not there.
func (c tableColumns) positions(columns []string) (image, caption, label int) {
	at := func(name string) int {
		for i, column := range columns {
			if name != "" && column == name {
				return i
			}
		}
		return -1
	}
	return at(c.image), at(c.caption), at(c.label)
}

// cell is a copy, so that it does not keep its whole row in memory.
func cell(cells []string, i int) string {
	if i < 0 {
		return ""
	}
	return strings.Clone(cells[i])
}
