package datasets

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"clipgo/datasets/table"
)

// preferenceTable is a list of judgements in a .csv, .tsv, .jsonl or .json file.
type preferenceTable struct {
	path    string
	columns preferenceColumns
	rows    []judgement
	info    Info
}

func openPreferenceTable(ctx context.Context, path string, o Options) (Preferences, error) {
	if !table.IsTable(strings.ToLower(filepath.Ext(path))) {
		return nil, &UsageError{
			Source: path, Reason: "preferences are read from a .jsonl, .json, .csv or .tsv table, or builtin:shapes-preferences",
		}
	}
	t := &preferenceTable{path: path, info: Info{Name: path, Kind: "preferences"}}
	data, err := readTableFile(path)
	if err != nil {
		return nil, err
	}
	rows, err := openRows(path, data, o, func(columns []string) (reason string) {
		t.columns, reason = choosePreferences(columns, o)
		return reason
	})
	if err != nil {
		return nil, err
	}
	for row := range rows.Rows() {
		t.rows = append(t.rows, t.columns.read(row)...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if reason := noneUsable(len(t.rows), t.entry); reason != "" {
		return nil, &DataError{Source: path, Reason: reason}
	}
	t.info.Notes = []string{t.columns.note()}
	t.info.Fingerprint = fingerprint(len(t.rows), func(i int) (string, Entry) {
		r := t.rows[i]
		return strings.Join([]string{r.shared, r.sides[0], r.sides[1], strconv.FormatFloat(r.preferred, 'g', -1, 64)}, "\x00"), Entry{}
	})
	return t, nil
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

// resolve is a picture's path relative to the working directory.
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
