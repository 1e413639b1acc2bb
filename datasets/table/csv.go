package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ParseSeparator parses a separator as a user writes it: one character, or \t for a tab.
func ParseSeparator(text string) (rune, error) {
	s := strings.ReplaceAll(text, `\t`, "\t")
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || r == utf8.RuneError || strings.ContainsRune("\"\r\n\x00", r) {
		return 0, fmt.Errorf("%q can't separate columns: one character is needed", text)
	}
	return r, nil
}

// separatorOf is the given separator or the detected one.
func (o Options) separatorOf(data []byte, extension string) rune {
	switch {
	case o.Separator != 0:
		return o.Separator
	case extension == ".tsv":
		return '\t'
	}
	best, score := ',', -1
	for _, sep := range ",;\t|" {
		header, err := newReader(data, sep).Read()
		if err != nil {
			continue
		}
		n := len(header)
		if o.Wanted != nil && o.Wanted(trimmed(header)) {
			n += 1 << 20
		}
		if n > score {
			best, score = sep, n
		}
	}
	return best
}

func newReader(data []byte, sep rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord = sep, -1
	return r
}

func trimmed(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.TrimSpace(c)
	}
	return out
}

// readHeader reads the first record.
func (t *Table) readHeader() (err error) {
	t.records(func(r Row) bool {
		if r.Bad != "" {
			err = fmt.Errorf("its header in line %d can't be read: %s", r.Line, r.Bad)
		}
		t.Columns = trimmed(r.cells)
		return false
	})
	return err
}

// records calls row for each record, including the header, until row returns false.
func (t *Table) records(row func(Row) bool) {
	c := newRecords(t.data, t.separator)
	for c.from < len(c.data) {
		c.read(newReader(c.data[c.from:], c.sep), row)
	}
}

// records reads the records of a CSV file. A malformed record costs its first line alone: reading continues at the next line, so that a
// quote that is never closed doesn't swallow the rows after it.
type records struct {
	data   []byte
	sep    rune
	want   int   // cells of a record; 0 until the header is read
	from   int   // where the current csv.Reader began
	before int64 // lines before from
	again  int   // bytes that may still be read a second time
}

func newRecords(data []byte, sep rune) *records {
	return &records{data: data, sep: sep, again: 1<<26 + len(data)}
}

// read reads until the end of the data, until row returns false, or until a malformed record spans several lines.
func (c *records) read(r *csv.Reader, row func(Row) bool) {
	for {
		start := c.from + int(r.InputOffset())
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			c.end()
			return
		}
		if err == nil && (c.want == 0 || len(cells) == c.want) {
			c.want = len(cells)
			line, _ := r.FieldPos(0)
			if !row(Row{Line: c.before + int64(line), cells: c.unpadded(cells)}) {
				c.end()
				return
			}
			continue
		}
		for bytes.HasPrefix(c.data[start:], []byte("\n")) || bytes.HasPrefix(c.data[start:], []byte("\r\n")) {
			start = lineEnd(c.data, start) // the csv.Reader skips empty lines
		}
		end := lineEnd(c.data, start)
		line := c.before + int64(bytes.Count(c.data[c.from:start], []byte("\n"))) + 1
		broken := Row{Line: line}
		broken.cells, broken.Bad = c.judge(c.data[start:end], len(cells), err)
		broken.cells = c.unpadded(broken.cells)
		if !row(broken) {
			c.end()
			return
		}
		if stop := c.from + int(r.InputOffset()); stop > end {
			c.restart(line+1, end, stop, row)
			return
		}
	}
}

// unpadded removes the white space around cells that bars separate: they are written as "a | b".
func (c *records) unpadded(cells []string) []string {
	if c.sep != '|' || cells == nil {
		return cells
	}
	return trimmed(cells)
}

// end stops reading.
func (c *records) end() { c.from = len(c.data) }

// restart goes back to the line after a malformed record, unless too many bytes have been read twice already.
func (c *records) restart(line int64, end, stop int, row func(Row) bool) {
	c.from, c.before = end, line-1
	if c.again -= stop - end; c.again < 0 {
		row(Row{Line: line, Bad: "not read: too many quotes before it are never closed; the rows behind it are lost too"})
		c.end()
	}
}

func lineEnd(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(data)
}

// judge says what is wrong with a record of n cells, given its first line. A quote inside a cell that doesn't begin with a quote is text:
// such a record is read again leniently.
func (c *records) judge(first []byte, n int, err error) (cells []string, bad string) {
	if err == nil {
		return nil, fmt.Sprintf("the row has %d cells, the header %d", n, c.want)
	}
	if errors.Is(err, csv.ErrBareQuote) {
		r := newReader(first, c.sep)
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
