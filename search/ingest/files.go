package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"clipgo/datasets"
	"clipgo/internal/paths"
	"clipgo/internal/share"
	"clipgo/search"
)

// list is what a source has, as the index knows it.
type list struct {
	files    []search.File
	samples  []int             // of each file, its number in the source
	cells    [][]datasets.Cell // of each file, the values of its table's columns
	archives map[string]bool   // files that hold several pictures
	tables   map[string]bool
	failed   []datasets.Skip // samples that can't be used and have the path of another one
	captions int             // that are left out: a row has one
	others   int             // samples that are not in the share
}

// listed lists a source. A picture that is there twice, in a folder and in a table, counts once: with the caption of the first
// that has one. Of a sample that can't be used and has the path of another one, the other one counts. Samples of other shares are only
// counted.
func listed(ctx context.Context, src datasets.Source, part share.Share) (list, error) {
	l := list{archives: map[string]bool{}, tables: map[string]bool{}}
	at := map[string]int{} // place of each path in files
	bad := map[int]string{}
	for i := range src.Len() {
		entry, err := src.Entry(ctx, i)
		if err != nil { // without its path, its row in the index would be taken for one whose picture is gone
			return list{}, fmt.Errorf("sample %d of %s: %w", i, src.Info().Name, err)
		}
		f := l.file(entry)
		if !part.Has(workOf(entry, f.Path)) {
			l.others++
			continue
		}
		before, again := at[f.Path]
		if entry.Bad != "" && !again {
			bad[len(l.files)] = entry.Bad
		}
		switch {
		case !again:
			at[f.Path] = len(l.files)
			l.files, l.samples, l.cells = append(l.files, f), append(l.samples, i), append(l.cells, entry.Metadata)
			l.captions += max(0, len(entry.Captions)-1)
		case entry.Bad != "":
			l.failed = append(l.failed, failure(src, entry.Key, entry.Bad))
		case bad[before] != "":
			l.failed = append(l.failed, failure(src, entry.Key, bad[before]))
			l.files[before], l.samples[before], l.cells[before] = f, i, entry.Metadata
			delete(bad, before)
			l.captions += max(0, len(entry.Captions)-1)
		default:
			l.captions += merge(&l.files[before], f, entry.Captions)
			l.cells[before] = datasets.MergeCells(l.cells[before], entry.Metadata)
		}
	}
	return l, nil
}

// file describes a sample, and notes the table or archive that it is from.
func (l *list) file(entry datasets.Entry) search.File {
	f := search.File{Path: picturePath(entry), Size: entry.Size, MTime: entry.ModTime.UnixNano()}
	if len(entry.Captions) > 0 {
		f.Caption = entry.Captions[0]
	}
	switch {
	case entry.List != "":
		f.List = paths.Absolute(entry.List)
		l.tables[f.List] = true
	case entry.File != "" && entry.File != entry.Key:
		l.archives[paths.Absolute(entry.File)] = true
	}
	return f
}

// workOf is what decides to which share a picture belongs: its path, or that of the archive that holds it, so that an archive is read by
// one process.
func workOf(e datasets.Entry, path string) string {
	if e.File != "" && e.File != e.Key && e.List == "" {
		return paths.Absolute(e.File)
	}
	return path
}

// merge gives a picture the caption of another source that has it too, if it has none. It returns the number of captions left out.
func merge(f *search.File, other search.File, captions []string) (left int) {
	if f.Caption == "" {
		f.Caption, f.List = other.Caption, other.List
	}
	for _, c := range captions {
		if c != f.Caption {
			left++
		}
	}
	return left
}

func failure(src datasets.Source, key, reason string) datasets.Skip {
	return datasets.Skip{Source: src.Info().Name, Key: key, Reason: reason}
}

// scope says where a run looks: in and below the paths that exist, in archives and in tables.
func (l list) scope(names []string) search.Scope {
	var s search.Scope
	for _, name := range names {
		if paths.Exists(name) {
			s.Roots = append(s.Roots, paths.Absolute(name))
		}
	}
	s.Roots = slices.AppendSeq(s.Roots, maps.Keys(l.archives))
	s.Lists = slices.AppendSeq(s.Lists, maps.Keys(l.tables))
	return s
}

// picturePath is the absolute path of a picture, or of its shard followed by its name there; a built-in picture has its
// key alone.
func picturePath(e datasets.Entry) string {
	if e.File == "" {
		return e.Key
	}
	return paths.Absolute(e.Key)
}

// keep takes the rows of pictures in or below folders that can't be read out of those to be removed: they may still be there.
func keep(remove []string, unread []datasets.Skip) []string {
	var folders []string
	for _, folder := range unread {
		folders = append(folders, paths.Absolute(folder.Key))
	}
	return slices.DeleteFunc(remove, func(path string) bool { return search.Below(path, folders) })
}
