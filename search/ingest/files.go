package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"clipgo/datasets"
	"clipgo/internal/paths"
	"clipgo/search"
)

// list is what a source has, as the index knows it.
type list struct {
	files    []search.File
	samples  []int           // of each file, its number in the source
	archives map[string]bool // files that hold several pictures
	tables   map[string]bool
	unused   int // captions that are no row's
}

// listed lists a source. A picture that is there twice, in a folder and in a table, counts once: with the caption of the first
// that has one.
func listed(ctx context.Context, src datasets.Source) (list, error) {
	l := list{archives: map[string]bool{}, tables: map[string]bool{}}
	at := map[string]int{} // place of each path in files
	for i := range src.Len() {
		entry, err := src.Entry(ctx, i)
		if err != nil { // without its path, its row in the index would be taken for one whose picture is gone
			return list{}, fmt.Errorf("sample %d of %s: %w", i, src.Info().Name, err)
		}
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
		before, again := at[f.Path]
		l.unused += max(0, len(entry.Captions)-1)
		switch {
		case !again:
			at[f.Path] = len(l.files)
			l.files, l.samples = append(l.files, f), append(l.samples, i)
		case l.files[before].Caption == "":
			l.files[before].Caption, l.files[before].List = f.Caption, f.List
		case f.Caption != "" && f.Caption != l.files[before].Caption:
			l.unused++
		}
	}
	return l, nil
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
