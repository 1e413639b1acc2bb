package search

import (
	"path/filepath"
	"slices"
	"strings"
)

// File is a source that was found and may need embedding.
type File struct {
	Path    string
	Caption string
	Size    int64
	MTime   int64  // nanoseconds since 1970
	Hash    string // of the content; planning fills it in where it had to look
	List    string // absolute path of the table that names it; empty where it was found by itself
}

// Scope is where a run looked. What the index has from there, and the run did not find, is gone; of all else it knows
// nothing.
type Scope struct {
	Roots []string // absolute paths of folders and archives: everything below them was looked at
	Lists []string // absolute paths of tables: all that they name was looked at
}

// covers says whether a run that looked here would have found a row's file.
func (s Scope) covers(d details) bool {
	return below(d.Path, s.Roots) || d.List != "" && slices.Contains(s.Lists, d.List)
}

// Plan says what a run has to do so that the index matches the files found.
type Plan struct {
	Embed     []int  // new and changed ones, by their places among the files found, ascending
	Copy      []Copy // content that the index has already, under another name or another time
	Remove    []string
	Unchanged int
	Moved     int // copies that have another name
}

// Copy is a row that is written again with other metadata; its features stay.
type Copy struct {
	File File
	From string // the path under which the index has it
}

// plan compares the files found with the index's rows, by path. A file is unchanged when size, time and caption are.
// Only others of a known size are hashed, so a run without changes reads no file; a hash is kept in the file found. Rows are
// removed when the scope covers them and their file was not found. hash is given the place of a file among those found. It may
// fail: the file is then embedded, and whoever opens it says what is wrong.
func plan(known map[string]details, found []File, scope Scope, hash func(i int) (string, error)) Plan {
	var p Plan
	c := comparison{known: known, hash: hash, present: map[string]bool{}, byHash: map[string]string{}, sizes: map[int64]bool{}}
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
	hash    func(i int) (string, error)
	present map[string]bool
	byHash  map[string]string // the path of each content
	sizes   map[int64]bool
}

// remember keeps a path for each content, one that is gone before one that is still there: that is a move.
func (c *comparison) remember(d details) {
	if d.Hash == "" {
		return
	}
	c.sizes[d.Size] = true
	if before, ok := c.byHash[d.Hash]; !ok || c.present[before] && !c.present[d.Path] {
		c.byHash[d.Hash] = d.Path
	}
}

// judge sorts the i-th file into the plan.
func (c *comparison) judge(p *Plan, i int, f *File) {
	old, had := c.known[f.Path]
	if had && old.Size == f.Size && old.MTime == f.MTime && old.Caption == f.Caption {
		p.Unchanged++
		return
	}
	if c.sizes[f.Size] {
		if h, err := c.hash(i); err == nil {
			f.Hash = h
		}
	}
	from, copied := c.source(*f, old)
	switch {
	case copied && from == f.Path:
		p.Unchanged++
		p.Copy = append(p.Copy, Copy{*f, from})
	case copied:
		p.Moved++
		p.Copy = append(p.Copy, Copy{*f, from})
	default:
		p.Embed = append(p.Embed, i)
	}
}

// source finds a row with a file's content and caption.
func (c *comparison) source(f File, old details) (path string, ok bool) {
	if f.Hash == "" {
		return "", false
	}
	if old.Hash == f.Hash && old.Caption == f.Caption {
		return f.Path, true
	}
	from, ok := c.byHash[f.Hash]
	return from, ok && c.known[from].Caption == f.Caption
}

func below(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		rel, err := filepath.Rel(root, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}
