package search

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"clipgo/search/columns"
)

// File is a source that was found and may need embedding.
type File struct {
	Path    string
	Caption string
	Size    int64
	MTime   int64  // nanoseconds since 1970
	Hash    string // of the content; planning fills it in where it had to look
	List    string // absolute path of the table that names it; empty where it was found by itself
	Facts   *Facts // nil: nobody looked; a copy of a row keeps those of the row
	// Metadata are values of further columns: nil values for those that the file has none of. Columns that it doesn't name keep theirs.
	Metadata columns.Values
}

// Scope is where a run looked. What the index has from there, and the run did not find, is gone; of all else it knows
// nothing.
type Scope struct {
	Roots []string // absolute paths of folders and archives: everything below them was looked at
	Lists []string // absolute paths of tables: all that they name was looked at
}

// covers says whether a run that looked here would have found a row's file.
func (s Scope) covers(d details) bool {
	return Below(d.Path, s.Roots) || d.List != "" && slices.Contains(s.Lists, d.List)
}

// Plan says what a run has to do so that the index matches the files found.
type Plan struct {
	Embed     []int  // new and changed ones, by their places among the files found, ascending
	Copy      []Copy // content that the index has already, under another name or another time
	Remove    []string
	Unchanged int
	Described int // of the unchanged ones, those that are copied because their values of further columns have changed
	Moved     int // copies whose source is gone: the file has another name now
	Copied    int // copies under a new path whose source stays
	Replaced  int // copies to a path that had a row of other content
}

// Copy is a row that is written again with other metadata; its features stay.
type Copy struct {
	File  File
	From  string // the path under which the index has it
	Moved bool   // the row of From goes with the same commit
}

// plan compares the files found with the index's rows, by path. A file is unchanged when size, time and caption are.
// Only others of a known size are hashed, so a run without changes reads no file; a hash is kept in the file found. Rows are
// removed when the scope covers them and their file was not found, and when their file is gone, as gone says, and one that was
// found took over their features. hash is given the place of a file among those found. It may fail: the file is then embedded, and
// whoever opens it says what is wrong.
func plan(known map[string]details, found []File, scope Scope, hash func(i int) (string, error), gone func(path string) bool) Plan {
	var p Plan
	c := comparison{known: known, scope: scope, hash: hash, gone: gone, present: map[string]bool{}, rows: map[content]*sameContent{},
		sizes: map[int64]bool{}}
	for _, f := range found {
		c.present[f.Path] = true
	}
	paths := make([]string, 0, len(known))
	for path := range known {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		c.remember(known[path])
		if !c.present[path] && scope.covers(known[path]) {
			p.Remove = append(p.Remove, path)
		}
	}
	seen := map[string]bool{}
	for i := range found {
		if path := found[i].Path; !seen[path] {
			seen[path] = true
			c.judge(&p, i, &found[i])
		}
	}
	return p
}

type comparison struct {
	known   map[string]details
	scope   Scope
	hash    func(i int) (string, error)
	gone    func(path string) bool
	present map[string]bool
	rows    map[content]*sameContent
	sizes   map[int64]bool
}

// content is what rows must share for one to take over the features of another.
type content struct{ hash, caption string }

// sameContent is the rows of one content.
type sameContent struct {
	paths  []string
	vacant []string // rows whose file is gone and that no file has taken over yet
	sorted bool     // vacant is filled
}

func (c *comparison) remember(d details) {
	if d.Hash == "" {
		return
	}
	c.sizes[d.Size] = true
	key := content{d.Hash, d.Caption}
	if c.rows[key] == nil {
		c.rows[key] = &sameContent{}
	}
	c.rows[key].paths = append(c.rows[key].paths, d.Path)
}

// judge sorts the i-th file into the plan.
func (c *comparison) judge(p *Plan, i int, f *File) {
	old, had := c.known[f.Path]
	if had && old.Size == f.Size && old.MTime == f.MTime && old.Caption == f.Caption {
		p.Unchanged++
		if !reflect.DeepEqual(f.Metadata.Over(old.Columns), old.Columns) {
			f.Hash = old.Hash
			p.Described++
			p.Copy = append(p.Copy, Copy{File: *f, From: f.Path})
		}
		return
	}
	if c.sizes[f.Size] {
		if h, err := c.hash(i); err == nil {
			f.Hash = h
		}
	}
	same := c.rows[content{f.Hash, f.Caption}]
	switch {
	case f.Hash == "" || same == nil:
		p.Embed = append(p.Embed, i)
		return
	case had && old.Hash == f.Hash && old.Caption == f.Caption:
		p.Unchanged++
		p.Copy = append(p.Copy, Copy{File: *f, From: f.Path})
		return
	}
	from, moved := c.takeOver(same)
	p.Copy = append(p.Copy, Copy{*f, from, moved})
	switch {
	case moved:
		p.Moved++
		if !c.scope.covers(c.known[from]) { // else it is removed already
			p.Remove = append(p.Remove, from)
		}
	case had:
		p.Replaced++
	default:
		p.Copied++
	}
}

// takeOver chooses the row that a file gets its features from: one whose file is gone, once, else any. Rows that the scope covers
// go first, because they are removed in any case.
func (c *comparison) takeOver(same *sameContent) (from string, moved bool) {
	if !same.sorted {
		same.sorted = true
		var outside []string
		for _, path := range same.paths {
			switch {
			case c.present[path]:
			case c.scope.covers(c.known[path]):
				same.vacant = append(same.vacant, path)
			case c.gone(path):
				outside = append(outside, path)
			}
		}
		same.vacant = append(same.vacant, outside...)
	}
	if len(same.vacant) == 0 {
		return same.paths[0], false
	}
	from, same.vacant = same.vacant[0], same.vacant[1:]
	return from, true
}

// vanished tells that there is no file at a row's path. Where that can't be found out, as for a member of an archive, it is there.
func vanished(path string) bool {
	if !filepath.IsAbs(path) { // a picture of a built-in set
		return false
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Below reports whether a path is one of the roots or below one. All are absolute.
func Below(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		rel, err := filepath.Rel(root, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}
