package datasets

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"clipgo/datasets/parquet"
	"clipgo/datasets/store"
)

// parquetSet is a source of the rows of Parquet files that hold pictures. Nothing of a row is in memory: captions, labels and pictures are
// read when they are asked for.
type parquetSet struct {
	info    Info
	need    Need
	files   []parquetFile
	groups  [][]int64 // rows of each sample if some have several; nil: sample i is row i
	names   map[string]int
	repairs captionRepairs

	store      *store.Store
	closeStore func() error
	cache      *parquet.Cache
}

// parquetFile is one of the files.
type parquetFile struct {
	object  store.Object
	folder  string // that paths are relative to
	file    *parquet.File
	columns parquetColumns
	// metadata are the columns of Options.Metadata in this file, -1 where it has none.
	metadata []int
	reader   *parquet.Reader
	first    int64  // row of the set
	rows     int64  // one if the file is broken
	broken   string // why the file can't be read
}

// parquetCache is the number of bytes of decoded pages that a source keeps.
const parquetCache = 128 << 20

// textBytes is the number of bytes of a caption, a path or a label that is read. Captions are cut to far fewer.
const textBytes = 16 << 20

// openParquet opens Parquet files whose rows have pictures: as bytes, as the struct of bytes and path of the Hugging Face hub, or as paths
// or URLs. Among several files one that can't be read is an unusable sample; one without the columns that the others have is a *DataError.
func openParquet(ctx context.Context, src string, o Options) (Source, error) {
	s := &parquetSet{need: o.Need, info: Info{Name: store.Public(src), Kind: "parquet"}, cache: parquet.NewCache(parquetCache)}
	s.store, s.closeStore = o.store()
	found, err := findParquet(ctx, s.store, src, o)
	if err != nil {
		return nil, errors.Join(err, s.closeStore())
	}
	s.info.Ignored = found.ignored
	if err = s.open(ctx, found, o); err == nil && s.listsPaths(ctx) {
		return s.openPaths(ctx, o)
	}
	if err == nil {
		err = s.describe(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open reads the footers, several at a time, and chooses the columns.
func (s *parquetSet) open(ctx context.Context, found parquetFiles, o Options) error {
	keys, err := o.captionKeys(s.info.Name)
	if err != nil {
		return err
	}
	s.files = make([]parquetFile, len(found.objects))
	failed := make([]error, len(found.objects))
	err = eachFile(ctx, len(s.files), func(i int) {
		f := &s.files[i]
		f.object, f.folder = found.objects[i], folderOf(found.objects[i].Name)
		if len(s.files) == 1 {
			f.folder = found.folder
		}
		f.file, failed[i] = parquet.Open(s.store.Reader(ctx, f.object), f.object.Size)
	})
	if err != nil {
		return err
	}
	var first *parquetFile
	for i := range s.files {
		f := &s.files[i]
		if failed[i] != nil {
			f.broken, f.rows = strings.TrimPrefix(failed[i].Error(), f.object.Name+": "), 1
			s.info.Notes = append(s.info.Notes, f.object.Name+": "+f.broken+"; its rows are not counted")
			continue
		}
		if err := f.choose(first, keys, o); err != nil {
			return err
		}
		f.reader, f.rows = parquet.NewReader(f.file, s.cache), f.file.Rows
		if first == nil {
			first = f
		}
	}
	if first == nil {
		return s.noFile(failed[0])
	}
	s.info.Notes = append(s.info.Notes, first.columns.note(first.file, o)...)
	s.listColumns(o)
	s.number()
	if s.rows() == 0 {
		return &DataError{Source: s.info.Name, Reason: "it has no rows"}
	}
	return nil
}

// noFile is the error of a set whose files can't be read, of which the first is said.
func (s *parquetSet) noFile(err error) error {
	f := &s.files[0]
	if f.object.Sequential || f.object.Size < 0 {
		const reason = "it can only be read from the beginning to the end, but Parquet needs any order; download it first"
		return &DataError{Source: f.object.Name, Reason: reason}
	}
	if changed := refusedByStore(err); changed != err { //nolint:errorlint // whether it was replaced
		return changed
	}
	return &DataError{Source: f.object.Name, Reason: f.broken}
}

// choose chooses the columns, which must be those of the first file.
func (f *parquetFile) choose(first *parquetFile, keys captionKeys, o Options) (err error) {
	var reason string
	f.columns, reason = chooseParquet(f.file, keys, o)
	if reason != "" {
		return &DataError{Source: f.object.Name, Reason: reason}
	}
	if first == nil {
		return nil
	}
	here, there := f.file.Columns[f.columns.image], first.file.Columns[first.columns.image]
	if here != there || strings.Join(f.columns.keys.names, ";") != strings.Join(first.columns.keys.names, ";") {
		return &DataError{Source: f.object.Name, Reason: fmt.Sprintf("it has other columns than %s: pictures in %s, there in %s",
			first.object.Name, here, there)}
	}
	return nil
}

// number gives each file its place among the rows.
func (s *parquetSet) number() {
	next := int64(0)
	for i := range s.files {
		s.files[i].first = next
		next += s.files[i].rows
	}
}

// rows is the number of rows of all files.
func (s *parquetSet) rows() int64 {
	last := &s.files[len(s.files)-1]
	return last.first + last.rows
}

// at finds the file of a row, and the row's number there.
func (s *parquetSet) at(row int64) (*parquetFile, int64) {
	i := sort.Search(len(s.files), func(i int) bool { return s.files[i].first > row }) - 1
	return &s.files[i], row - s.files[i].first
}

// sample are the rows of a sample.
func (s *parquetSet) sample(i int) []int64 {
	if s.groups != nil {
		return s.groups[i]
	}
	return []int64{int64(i)}
}

func (s *parquetSet) Len() int {
	if s.groups != nil {
		return len(s.groups)
	}
	return int(s.rows())
}

func (s *parquetSet) Info() Info { return s.info }

func (s *parquetSet) Close() error {
	for i := range s.files {
		if r := s.files[i].reader; r != nil {
			r.Close()
		}
	}
	return s.closeStore()
}

// Entry implements Source.
func (s *parquetSet) Entry(ctx context.Context, i int) (Entry, error) {
	rows := s.sample(i)
	f, row := s.at(rows[0])
	e := Entry{
		Key: fmt.Sprintf("%s/%d", f.object.Name, row+1), Label: -1, ModTime: f.object.ModTime, Offset: row + 1, File: f.object.Name,
	}
	if f.broken != "" {
		e.Key, e.Offset, e.Bad = f.object.Name, 0, "the file can't be read, and its rows are not counted: "+f.broken
		return e, nil
	}
	for _, n := range rows {
		f, row := s.at(n)
		if err := s.describeRow(ctx, f, row, &e); err != nil {
			return e, s.unreadable(ctx, f, row, err)
		}
	}
	switch {
	case s.need == NeedCaptions && len(e.Captions) == 0:
		e.Bad = "no caption"
	case s.need == NeedLabels && e.Label < 0:
		e.Bad = "no label"
	}
	return e, nil
}

// describeRow adds the captions of a row, and its label unless an earlier one has one.
func (s *parquetSet) describeRow(ctx context.Context, f *parquetFile, row int64, e *Entry) error {
	captions, weights, err := s.captions(ctx, f, row)
	if err != nil {
		return err
	}
	e.Captions, e.Weights = append(e.Captions, captions...), append(e.Weights, weights...)
	cells, err := s.metadata(ctx, f, row)
	if err != nil {
		return err
	}
	e.Metadata = MergeCells(e.Metadata, cells)
	if e.Label >= 0 || f.columns.label < 0 || s.info.Classes == nil {
		return nil
	}
	name, label, err := s.label(ctx, f, row)
	if n, known := s.names[name]; known {
		label = int64(n)
	}
	if err != nil || label < 0 {
		return err
	}
	if label >= int64(len(s.info.Classes)) {
		e.Bad = fmt.Sprintf("its label %d is not below the %d of the classes", label, len(s.info.Classes))
		return nil
	}
	e.Label = int(label)
	if len(e.Captions) == 0 {
		e.Captions = []string{s.info.Classes[label]}
	}
	return nil
}

// captions are the usable captions of a row, with their weights.
func (s *parquetSet) captions(ctx context.Context, f *parquetFile, row int64) (captions []string, weights []float32, err error) {
	file, next := s.store.Reader(ctx, f.object), 0
	captions, weights = f.columns.keys.choose(func(string) []string {
		column := f.columns.captions[next]
		next++
		var values [][]byte
		if err == nil {
			values, err = f.reader.Bytes(file, column, row, textBytes)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = string(v)
		}
		return s.repairs.usable(texts)
	})
	return captions, weights, err
}

// label is the name or the number of a row's class; empty and -1 without one.
func (s *parquetSet) label(ctx context.Context, f *parquetFile, row int64) (name string, number int64, err error) {
	file := s.store.Reader(ctx, f.object)
	if f.file.Columns[f.columns.label].Kind == parquet.Integer {
		values, err := f.reader.Ints(file, f.columns.label, row)
		if err != nil || len(values) == 0 {
			return "", -1, err
		}
		return "", values[0], nil
	}
	values, err := f.reader.Bytes(file, f.columns.label, row, textBytes)
	if err != nil || len(values) == 0 {
		return "", -1, err
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(values[0])), "\uFFFD"), -1, nil
}

// Picture implements Source.
func (s *parquetSet) Picture(ctx context.Context, i int) (Picture, error) {
	f, row := s.at(s.sample(i)[0])
	if f.broken != "" {
		return Picture{}, &unusable{f.broken}
	}
	file := s.store.Reader(ctx, f.object)
	values, err := f.reader.Bytes(file, f.columns.image, row, pictureLimit)
	if err != nil {
		return Picture{}, s.unreadable(ctx, f, row, err)
	}
	if len(values) == 1 && len(values[0]) > 0 {
		return Picture{File: values[0]}, nil
	}
	if f.columns.path >= 0 {
		if values, err = f.reader.Bytes(file, f.columns.path, row, textBytes); err != nil {
			return Picture{}, s.unreadable(ctx, f, row, err)
		}
	}
	if len(values) != 1 || len(values[0]) == 0 {
		return Picture{}, &unusable{"the row has no picture"}
	}
	name := string(values[0])
	if isCommand(name) {
		return Picture{}, &unusable{"the row names a command, not a picture"}
	}
	return readPicture(ctx, s.store, resolveIn(f.folder, name))
}

// unreadable is an error of a row as the loader expects it.
func (s *parquetSet) unreadable(ctx context.Context, f *parquetFile, row int64, err error) error {
	var long *parquet.LimitError
	var refused *DataError
	err = refusedByStore(err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &long) && long.Limit == pictureLimit:
		return tooLarge(long.Size)
	}
	return fmt.Errorf("row %d of %s can't be read: %w", row+1, path.Base(filepath.ToSlash(f.object.Name)), err)
}
