package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
)

// headerLines is the number of objects whose names are the columns.
const headerLines = 1000

type object map[string]json.RawMessage

// objects iterates over the lines that are not blank.
func (t *Table) objects() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		line := int64(0)
		for text := range bytes.Lines(t.data) {
			line++
			if text = bytes.TrimSpace(text); len(text) == 0 {
				continue
			}
			row := Row{Line: line}
			if err := json.Unmarshal(text, &row.object); err != nil || row.object == nil {
				row.object, row.Bad = nil, "the line is not a JSON object"
			}
			if !yield(row) {
				return
			}
		}
	}
}

// readColumns collects the names of the first objects.
func (t *Table) readColumns() error {
	names := map[string]bool{}
	seen := 0
	for row := range t.objects() {
		for name := range row.object {
			names[name] = true
		}
		if seen++; seen == headerLines {
			break
		}
	}
	if t.Columns = slices.Sorted(maps.Keys(names)); seen > 0 && len(names) == 0 {
		return fmt.Errorf("none of its first %d lines is a JSON object with columns", headerLines)
	}
	return nil
}

// listLines rewrites a JSON list with one item on each line. A document that is an object on each line already stays as it is.
func listLines(data []byte) ([]byte, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		if hasLines(data) {
			return data, nil
		}
		return nil, fmt.Errorf("it is neither a list of objects in JSON nor an object on each line: %s", JSONReason(err))
	}
	var out bytes.Buffer
	for _, item := range items {
		if err := json.Compact(&out, item); err != nil {
			return nil, err
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// hasLines reports whether the first two lines that aren't blank are JSON objects.
func hasLines(data []byte) bool {
	n := 0
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
			continue
		case line[0] != '{' || !json.Valid(line):
			return false
		}
		if n++; n == 2 {
			return true
		}
	}
	return false
}

// JSONReason is an error of encoding/json in the words of the document, not of Go's types.
func JSONReason(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v at byte %d", syntax, syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return kind.Field + " is a JSON " + kind.Value
	case errors.As(err, &kind):
		return "it is a JSON " + kind.Value
	}
	return err.Error()
}
