package datasets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"clipgo/datasets/parquet"
)

// sniffed is the number of rows that are looked at to find out what a column of bytes holds.
const sniffed = 16

// listsPaths reports whether the pictures are paths or URLs: texts, or bytes that some writers don't mark as texts.
func (s *parquetSet) listsPaths(ctx context.Context) bool {
	for row := range min(s.rows(), sniffed) {
		f, row := s.at(row)
		if f.broken != "" {
			continue
		}
		if f.file.Columns[f.columns.image].Kind == parquet.Text {
			return true
		}
		if f.columns.path >= 0 { // the paths are beside the bytes
			return false
		}
		values, err := f.reader.Bytes(s.store.Reader(ctx, f.object), f.columns.image, row, textBytes)
		if err == nil && len(values) == 1 && len(values[0]) > 0 {
			text := string(values[0])
			return len(text) < 4096 && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
		}
	}
	return false
}

// openPaths makes a table of rows that name their pictures.
func (s *parquetSet) openPaths(ctx context.Context, o Options) (Source, error) {
	t := &pictureTable{path: s.info.Name, folder: s.files[0].folder, store: s.store, info: s.info}
	t.closeStore = s.Close
	t.info.Kind = "table"
	var rows []tableRow
	for i := range s.files {
		f := &s.files[i]
		if f.broken != "" {
			rows = append(rows, tableRow{bad: "the file " + f.object.Name + " can't be read, and its rows are not counted: " + f.broken})
			continue
		}
		for row := range f.rows {
			r, err := s.pathRow(ctx, f, row)
			if err == nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			if err != nil {
				refused := &DataError{Source: f.object.Name, Reason: s.unreadable(ctx, f, row, err).Error()}
				return nil, errors.Join(refused, ctx.Err(), s.Close())
			}
			rows = append(rows, r)
		}
	}
	for i := range s.files { // its columns are not read again
		if r := s.files[i].reader; r != nil {
			r.Close()
		}
	}
	if err := t.open(ctx, rows, o.Need); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// pathRow reads a row that names its picture.
func (s *parquetSet) pathRow(ctx context.Context, f *parquetFile, row int64) (r tableRow, err error) {
	r.line = row + 1
	names, err := f.reader.Bytes(s.store.Reader(ctx, f.object), f.columns.image, row, textBytes)
	if err != nil {
		return r, err
	}
	if len(names) == 1 {
		r.image = strings.ToValidUTF8(string(names[0]), "\uFFFD")
	}
	if r.image != "" && f.folder != s.files[0].folder {
		r.image = resolveIn(f.folder, r.image)
	}
	if r.metadata, err = s.metadata(ctx, f, row); err != nil {
		return r, err
	}
	if r.captions, r.weights, err = s.captions(ctx, f, row); err != nil || f.columns.label < 0 {
		return r, err
	}
	name, number, err := s.label(ctx, f, row)
	if r.label = name; number >= 0 {
		r.label = strconv.FormatInt(number, 10)
		if number < int64(len(f.columns.classes)) {
			r.label = f.columns.classes[number]
		}
	}
	return r, err
}

// describe finds the classes, and the rows of the same picture, and completes the description of a set that holds pictures.
func (s *parquetSet) describe(ctx context.Context) error {
	if err := s.classify(ctx); err != nil {
		return err
	}
	if err := s.merge(ctx); err != nil {
		return err
	}
	h := sha256.New()
	size, packed := int64(0), false
	for i := range s.files {
		f := &s.files[i]
		size += f.object.Size
		packed = packed || f.broken == "" && !f.file.Alone(f.columns.image)
		fmt.Fprintf(h, "%q %d", path.Base(filepath.ToSlash(f.object.Name)), f.object.Size)
		if f.broken == "" {
			c := f.columns
			fmt.Fprintf(h, " %x %d %v %v %d", f.file.Digest, c.image, c.captions, c.keys.weights, c.label)
		}
		fmt.Fprintln(h)
	}
	if packed && size > parquetCache {
		s.info.Notes = append(s.info.Notes, "the pictures are compressed a page at a time, and each is read with its page, which is slow; "+
			"written with the compression none or snappy they are read alone")
	}
	s.info.Fingerprint = fmt.Sprintf("parquet n=%d %x", s.Len(), h.Sum(nil)[:8])
	return nil
}

// eachRow calls use with the rows of all files that can be read.
func (s *parquetSet) eachRow(ctx context.Context, use func(f *parquetFile, row int64) error) error {
	for i := range s.files {
		f := &s.files[i]
		if f.broken != "" {
			continue
		}
		for row := range f.rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := use(f, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// classify finds the names of the classes: those of a ClassLabel, those that the rows have, or, of numbers, those of a classnames.txt. The
// labels of all rows are read only if they are needed and the writer doesn't name the classes.
func (s *parquetSet) classify(ctx context.Context) error {
	first := s.files[slices.IndexFunc(s.files, func(f parquetFile) bool { return f.broken == "" })]
	c := first.columns
	if c.label < 0 || c.classes != nil || s.need == NeedCaptions && len(c.captions) > 0 {
		s.info.Classes = c.classes
		return nil
	}
	names, most := map[string]bool{}, int64(-1)
	err := s.eachRow(ctx, func(f *parquetFile, row int64) error {
		if f.columns.label < 0 {
			return nil
		}
		name, number, err := s.label(ctx, f, row)
		if err != nil { // the row is found to be unusable when it is used
			return ctx.Err()
		}
		if most = max(most, number); name != "" {
			names[name] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(names) > 0 {
		s.info.Classes, s.names = slices.Sorted(maps.Keys(names)), map[string]int{}
		for i, name := range s.info.Classes {
			s.names[name] = i
		}
		return nil
	}
	return s.nameNumbers(first.folder, most)
}

// nameNumbers names classes that have only numbers.
func (s *parquetSet) nameNumbers(folder string, most int64) (err error) {
	const limit = 1_000_000 // as in tables
	if most < 0 || most >= limit {
		return nil
	}
	if s.info.Classes, err = linesBeside(folder, "classnames.txt"); err != nil {
		return err
	}
	if n := int64(len(s.info.Classes)); n > 0 && most >= n {
		return &DataError{Source: s.info.Name, Reason: fmt.Sprintf("label %d is not below the %d of classnames.txt", most, n)}
	}
	if s.info.Classes == nil {
		t := pictureTable{info: s.info}
		s.info.Classes, s.info.Notes = t.numerals(int(most), s.need), t.info.Notes
	}
	return nil
}

// What is looked at to find out whether rows with the same path hold the same picture.
const (
	lookedRows  = 10_000
	lookedPairs = 16
)

// merge makes one sample of the rows of a file that have the same path, if rows that have it at the beginning hold the same picture too. In
// some sets a path is a picture's name, in others all pictures have the same one.
func (s *parquetSet) merge(ctx context.Context) error {
	repeated, err := s.repeats(ctx)
	if err != nil || !repeated {
		return err
	}
	seen, last := map[string]int{}, (*parquetFile)(nil)
	several := map[int]bool{}
	for i := range s.files {
		if f := &s.files[i]; f.broken != "" {
			s.groups = append(s.groups, []int64{f.first})
		}
	}
	err = s.eachRow(ctx, func(f *parquetFile, row int64) error {
		if f != last {
			clear(seen)
			last = f
		}
		name, err := s.pathOf(ctx, f, row)
		if err != nil {
			name = "" // the row is found to be unusable when it is used
		}
		at, again := seen[name]
		if again && name != "" {
			s.groups[at] = append(s.groups[at], f.first+row)
			several[at] = true
			return nil
		}
		seen[name] = len(s.groups)
		s.groups = append(s.groups, []int64{f.first + row})
		return nil
	})
	slices.SortFunc(s.groups, func(a, b []int64) int { return int(a[0] - b[0]) })
	rows := s.rows() - int64(len(s.groups)-len(several))
	s.info.Notes = append(s.info.Notes,
		fmt.Sprintf("%d rows hold %d pictures several times: each is one sample with the captions of its rows", rows, len(several)))
	return err
}

// pathOf is the path in the struct of a row's picture.
func (s *parquetSet) pathOf(ctx context.Context, f *parquetFile, row int64) (string, error) {
	values, err := f.reader.Bytes(s.store.Reader(ctx, f.object), f.columns.path, row, textBytes)
	if err != nil || len(values) != 1 {
		return "", err
	}
	return string(values[0]), nil
}

// repeats reports whether rows at the beginning have the same path and the same picture.
func (s *parquetSet) repeats(ctx context.Context) (bool, error) {
	f := &s.files[slices.IndexFunc(s.files, func(f parquetFile) bool { return f.broken == "" })]
	if f.columns.path < 0 {
		return false, nil
	}
	seen, pairs := map[string]int64{}, 0
	for row := range min(f.file.FirstRows(), lookedRows) {
		name, err := s.pathOf(ctx, f, row)
		if err != nil || ctx.Err() != nil {
			return false, ctx.Err()
		}
		before, again := seen[name]
		seen[name] = row
		if !again || name == "" {
			continue
		}
		file := s.store.Reader(ctx, f.object)
		a, err1 := f.reader.Bytes(file, f.columns.image, before, pictureLimit)
		b, err2 := f.reader.Bytes(file, f.columns.image, row, pictureLimit)
		if err1 != nil || err2 != nil || !slices.EqualFunc(a, b, bytes.Equal) {
			return false, ctx.Err()
		}
		if pairs++; pairs == lookedPairs {
			break
		}
	}
	return pairs > 0, nil
}
