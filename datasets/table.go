package datasets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"clipgo/datasets/store"
	"clipgo/datasets/table"
	"clipgo/internal/bounded"
)

// pictureTable is a list of pictures in a .csv, .tsv, .jsonl or .json file.
type pictureTable struct {
	path   string // as messages have it
	folder string // to which the paths of pictures are relative
	rows   []tableEntry
	info   Info

	store      *store.Store
	closeStore func() error
}

// tableEntry is a sample: the rows that name a picture, or a row that can't be used.
type tableEntry struct {
	file
	line     int64 // of the first row
	named    bool  // the captions are class names
	metadata []Cell
}

// isTable reports whether a name is that of a table: a file, a URL, or one of these with the splits that are read.
func isTable(src string) bool {
	name, splits := cutSplit(src)
	if st, err := os.Stat(src); err == nil {
		return !st.IsDir() && table.IsTable(extensionOf(src))
	}
	if st, err := os.Stat(name); err == nil && len(splits) > 0 {
		return !st.IsDir()
	}
	return store.IsRemote(src) && !isCommand(src) && table.IsTable(extensionOf(src))
}

// openTable opens a table whose picture paths are absolute, relative to its folder, or URLs. Rows with the same path are one sample with
// several captions. A malformed row is one unusable sample. A table without the columns that o needs, or without a usable row, is a
// *DataError.
func openTable(ctx context.Context, path string, o Options) (Source, error) {
	path, splits := path, []string(nil)
	if _, err := os.Stat(path); err != nil {
		path, splits = cutSplit(path)
	}
	t := newPictureTable(path, o)
	rows, err := t.readRows(ctx, path, splits, o)
	if err == nil {
		err = t.open(ctx, rows, o.Need)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func newPictureTable(path string, o Options) *pictureTable {
	t := &pictureTable{path: store.Public(path), folder: folderOf(path)}
	t.info = Info{Name: t.path, Kind: "table"}
	t.store, t.closeStore = o.store()
	return t
}

// readRows reads the rows of a table, which may be in a form of its own.
func (t *pictureTable) readRows(ctx context.Context, path string, splits []string, o Options) ([]tableRow, error) {
	data, err := readTable(ctx, t.store, path)
	switch {
	case err != nil:
		return nil, err
	case extensionOf(path) == ".json" && isCOCO(data):
		return t.readCOCO(ctx, data)
	case extensionOf(path) == ".json" && isKarpathy(data):
		return t.readKarpathy(ctx, data, splits)
	case len(splits) > 0:
		return nil, &UsageError{Source: t.path, Reason: "it has no splits: it is not in the layout of Karpathy's"}
	}
	return t.read(ctx, data, o)
}

// readTable reads a table of this machine or from elsewhere.
func readTable(ctx context.Context, s *store.Store, path string) ([]byte, error) {
	if !store.IsRemote(path) {
		return readTableFile(path)
	}
	o, err := findOne(ctx, s, path)
	if err != nil {
		return nil, err
	}
	return s.ReadAll(ctx, o, bounded.Table)
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
		if e.bad != "" || store.IsRemote(e.path) {
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

// stat fills in the size and time of the picture's file; nothing if it is missing or elsewhere.
func (e *tableEntry) stat() {
	if e.bad != "" || store.IsRemote(e.path) {
		return
	}
	if st, err := os.Stat(e.path); err == nil {
		known := newFile(e.path, e.name, st)
		e.size, e.modified, e.bad = known.size, known.modified, known.bad
	}
}

func (t *pictureTable) Len() int     { return len(t.rows) }
func (t *pictureTable) Info() Info   { return t.info }
func (t *pictureTable) Close() error { return t.closeStore() }

// Entry implements Source.
func (t *pictureTable) Entry(_ context.Context, i int) (Entry, error) { return t.entry(i), nil }

func (t *pictureTable) entry(i int) Entry {
	e := &t.rows[i]
	file := store.Public(e.path)
	key := file
	if key == "" {
		key = fmt.Sprintf("%s:%d", t.path, e.line)
	}
	return Entry{
		Key: key, Captions: e.captions, Weights: e.weights, Label: e.label, Size: e.size, ModTime: e.modified,
		Offset: e.line, File: file, List: t.path, Bad: e.bad, Metadata: e.metadata,
	}
}

func (t *pictureTable) Picture(ctx context.Context, i int) (Picture, error) {
	if e := &t.rows[i]; e.bad == "" && store.IsRemote(e.path) {
		return readPicture(ctx, t.store, e.path)
	}
	return t.rows[i].read(ctx)
}
