package datasets

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// preferenceTable is a list of judgements in a .csv, .tsv, .jsonl or .json file.
type preferenceTable struct {
	path    string
	columns preferenceColumns
	rows    []judgement
	info    Info
}

func openPreferenceTable(ctx context.Context, path string, o Options) (Preferences, error) {
	extension := strings.ToLower(filepath.Ext(path))
	if !slices.Contains([]string{".csv", ".tsv", ".jsonl", ".json"}, extension) {
		return nil, &UsageError{Source: path, Reason: "preferences are read from a .jsonl, .json, .csv or .tsv table, or builtin:shapes-preferences"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &preferenceTable{path: path, info: Info{Name: path, Kind: "preferences"}}
	reason, err := t.readRows(bytes.TrimPrefix(data, []byte("\ufeff")), extension, o)
	if err != nil {
		return nil, err
	}
	if reason == "" {
		reason = noneUsable(len(t.rows), t.entry)
	}
	if reason != "" {
		return nil, &DataError{Source: path, Reason: reason}
	}
	t.info.Notes = []string{t.columns.note()}
	t.info.Fingerprint = fingerprint(len(t.rows), func(i int) (string, Entry) {
		r := t.rows[i]
		return strings.Join([]string{r.shared, r.sides[0], r.sides[1], strconv.FormatFloat(r.preferred, 'g', -1, 64)}, "\x00"), Entry{}
	})
	return t, nil
}

// readRows fills the rows. The reason, where not empty, says why the table can't be read as a whole.
func (t *preferenceTable) readRows(data []byte, extension string, o Options) (reason string, err error) {
	if extension == ".json" {
		if data, err = asLines(data); err != nil {
			return "it is not a list in JSON: " + err.Error(), nil
		}
	} else if extension != ".jsonl" {
		sep, err := separatorFor(data, extension, o)
		if err != nil {
			return "", &UsageError{Source: t.path, Reason: err.Error()}
		}
		return t.readCSV(data, sep, o), nil
	}
	columns := jsonColumns(data)
	if t.columns, reason = choosePreferences(columns, o); reason != "" {
		return reason, nil
	}
	jsonLines(data, func(line int64, row jsonObject, bad string) bool {
		t.add(line, row, bad)
		return true
	})
	return "", nil
}

// asLines is a list in JSON, as HPD has them, with an item on each line.
func asLines(data []byte) ([]byte, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, err
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

func (t *preferenceTable) readCSV(data []byte, sep rune, o Options) (reason string) {
	var header []string
	newCSVRows(data, sep).all(func(line int64, cells []string, bad string) {
		switch {
		case reason != "":
		case header == nil && bad != "":
			reason = fmt.Sprintf("its header in line %d can't be read: %s", line, bad)
		case header == nil:
			header = trimmedAll(cells)
			t.columns, reason = choosePreferences(header, o)
		case bad != "":
			t.add(line, nil, bad)
		default:
			t.add(line, asObject(header, cells), "")
		}
	})
	return reason
}

// asObject is a record of a CSV as one of JSONL: a cell is a text, or a list where it is one in JSON.
func asObject(header, cells []string) jsonObject {
	row := jsonObject{}
	for i, name := range header {
		if raw := []byte(cells[i]); bytes.HasPrefix(raw, []byte("[")) && json.Valid(raw) {
			row[name] = raw
			continue
		}
		row[name], _ = json.Marshal(cells[i]) // a text
	}
	return row
}

func (t *preferenceTable) add(line int64, row jsonObject, bad string) {
	if bad != "" {
		t.rows = append(t.rows, judgement{line: line, bad: bad})
		return
	}
	t.rows = append(t.rows, t.columns.read(line, row)...)
}

func (t *preferenceTable) Len() int                { return len(t.rows) }
func (t *preferenceTable) Info() Info              { return t.info }
func (t *preferenceTable) Close() error            { return nil }
func (t *preferenceTable) Form() Form              { return t.columns.form }
func (t *preferenceTable) Preferred(i int) float64 { return t.rows[i].preferred }

// Entry implements Source.
func (t *preferenceTable) Entry(_ context.Context, i int) (Entry, error) { return t.entry(i), nil }

func (t *preferenceTable) entry(i int) Entry {
	r := &t.rows[i]
	e := Entry{Key: fmt.Sprintf("%s:%d", t.path, r.line), Label: -1, Offset: r.line, List: t.path, Bad: r.bad}
	if r.bad != "" {
		return e
	}
	if t.columns.form == TwoCaptions {
		e.File, e.Captions = t.resolve(r.shared), r.sides[:]
	} else {
		e.File, e.Captions = t.resolve(r.sides[0]), []string{r.shared}
	}
	return e
}

// resolve is a picture's path from the working directory.
func (t *preferenceTable) resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(t.path), filepath.FromSlash(name))
}

func (t *preferenceTable) Picture(ctx context.Context, i int) (Picture, error) {
	return t.open(ctx, t.entry(i).File)
}

func (t *preferenceTable) Second(ctx context.Context, i int) (Picture, error) {
	return t.open(ctx, t.resolve(t.rows[i].sides[1]))
}

func (t *preferenceTable) open(ctx context.Context, path string) (Picture, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Picture{}, notFound(path, err)
	}
	f := newFile(path, path, st)
	return f.read(ctx)
}
