package main

import (
	"path/filepath"

	"clipgo/datasets"
	"clipgo/search"
)

// files lists what was found as the index knows it. A picture that is there twice, in a folder and in a table, counts
// once: with the caption of the first that has one.
func (e *embedding) files() []search.File {
	e.byPath = map[string]int{}
	var found []search.File
	at := map[string]int{} // place of each path among those found
	for i := range e.source.Len() {
		entry := e.source.Entry(i)
		f := search.File{Path: picturePath(entry), Size: entry.Size, MTime: entry.ModTime.UnixNano()}
		if len(entry.Captions) > 0 {
			f.Caption = entry.Captions[0]
		}
		if entry.List != "" {
			f.List = absolute(entry.List)
		}
		before, again := at[f.Path]
		switch {
		case !again:
			at[f.Path], e.byPath[f.Path] = len(found), i
			found = append(found, f)
		case found[before].Caption == "":
			found[before].Caption, found[before].List = f.Caption, f.List
		}
	}
	return found
}

// scope says where this run looks: below its arguments, in the archives that they stand for, and in tables.
func (e *embedding) scope(args []string) search.Scope {
	s := search.Scope{Roots: existing(args)}
	archives, lists := map[string]bool{}, map[string]bool{}
	for i := range e.source.Len() {
		switch entry := e.source.Entry(i); {
		case entry.List != "":
			lists[entry.List] = true
		case entry.File != entry.Key && entry.File != "":
			archives[entry.File] = true
		}
	}
	for path := range archives {
		s.Roots = append(s.Roots, absolute(path))
	}
	for path := range lists {
		s.Lists = append(s.Lists, absolute(path))
	}
	return s
}

// existing are the absolute paths of the arguments that are paths.
func existing(args []string) []string {
	var out []string
	for _, a := range args {
		if exists(a) {
			out = append(out, absolute(a))
		}
	}
	return out
}

// picturePath is the absolute path of a picture, or of its shard followed by its name there; a built-in picture has its
// key alone.
func picturePath(e datasets.Entry) string {
	if e.File == "" {
		return e.Key
	}
	return absolute(e.Key)
}

// absolute is a path that means the same elsewhere; where that can't be told, the path as it is.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
