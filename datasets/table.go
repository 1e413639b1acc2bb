package datasets

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pictureTable is a list of pictures in a .csv, .tsv, .jsonl or .json file.
type pictureTable struct {
	path   string
	folder string // to which the paths of pictures are relative
	rows   []tableEntry
	info   Info
}

// tableEntry is a sample: the rows that name a picture, or a row that can't be used.
type tableEntry struct {
	file
	line  int64 // of the first row
	named bool  // the captions are class names
}

// openTable opens a table whose picture paths are absolute or relative to its folder. Rows with the same path are one sample with several
// captions. A malformed row is one unusable sample. A table without the columns that o needs, or without a usable row, is a *DataError.
func openTable(ctx context.Context, path string, o Options) (Source, error) {
	data, err := readTableFile(path)
	if err != nil {
		return nil, err
	}
	t := &pictureTable{path: path, folder: filepath.Dir(path), info: Info{Name: path, Kind: "table"}}
	var rows []tableRow
	if strings.EqualFold(filepath.Ext(path), ".json") && isCOCO(data) {
		rows, err = t.readCOCO(data)
	} else {
		rows, err = t.read(ctx, data, o)
	}
	if err == nil {
		err = t.open(ctx, rows, o.Need)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// open makes the samples of the rows and looks for their pictures.
func (t *pictureTable) open(ctx context.Context, rows []tableRow, need Need) error {
	var repairs captionRepairs
	t.fill(rows, &repairs)
	if err := t.classify(rows, need); err != nil {
		return err
	}
	for i := range t.rows {
		t.rows[i].judge(need)
	}
	t.info.Notes = append(t.info.Notes, repairs.notes()...)
	if reason := noneUsable(len(t.rows), t.entry); reason != "" {
		return &DataError{Source: t.path, Reason: reason}
	}
	if err := t.look(ctx); err != nil {
		return err
	}
	t.info.Fingerprint = fingerprint(len(t.rows), func(i int) (string, Entry) { return t.rows[i].name, t.entry(i) })
	return nil
}

// look finds the sizes of all pictures, several at a time. A missing picture is reported when it is read. A table whose pictures are all
// missing is refused.
func (t *pictureTable) look(ctx context.Context) error {
	if err := eachFile(ctx, len(t.rows), func(i int) { t.rows[i].stat() }); err != nil {
		return err
	}
	looked, missing, example := 0, 0, ""
	for i := range t.rows {
		e := &t.rows[i]
		if e.bad != "" {
			continue
		}
		looked++
		if e.modified.IsZero() {
			missing++
			example = cmp.Or(example, e.path)
		}
	}
	if missing == 0 {
		return nil
	}
	what := fmt.Sprintf("%d of %d pictures can't be found, such as %s", missing, looked, example)
	if missing == looked {
		if slices.ContainsFunc(t.rows, func(e tableEntry) bool { return e.bad == "" && !filepath.IsAbs(filepath.FromSlash(e.name)) }) {
			what += "; paths are relative to the folder of the table, " + t.folder
		}
		return &DataError{Source: t.path, Reason: what}
	}
	t.info.Notes = append(t.info.Notes, what)
	return nil
}

// stat fills in the size and time of the picture's file; nothing if it is missing.
func (e *tableEntry) stat() {
	if e.bad != "" {
		return
	}
	if st, err := os.Stat(e.path); err == nil {
		known := newFile(e.path, e.name, st)
		e.size, e.modified, e.bad = known.size, known.modified, known.bad
	}
}

func (t *pictureTable) Len() int     { return len(t.rows) }
func (t *pictureTable) Info() Info   { return t.info }
func (t *pictureTable) Close() error { return nil }

// Entry implements Source.
func (t *pictureTable) Entry(_ context.Context, i int) (Entry, error) { return t.entry(i), nil }

func (t *pictureTable) entry(i int) Entry {
	e := &t.rows[i]
	key := e.path
	if key == "" {
		key = fmt.Sprintf("%s:%d", t.path, e.line)
	}
	return Entry{
		Key: key, Captions: e.captions, Label: e.label, Size: e.size, ModTime: e.modified,
		Offset: e.line, File: e.path, List: t.path, Bad: e.bad,
	}
}

func (t *pictureTable) Picture(ctx context.Context, i int) (Picture, error) {
	return t.rows[i].read(ctx)
}
