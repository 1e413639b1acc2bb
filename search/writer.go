package search

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/internal/durable"
	"clipgo/internal/vec"
)

// Row is what the index holds of a source: at least one feature, and where it came from. A path has one row; another
// one takes its place.
type Row struct {
	File
	Image, Text []float32 // of the index's dimension, normalized or not; nil where there is none
}

// Writer changes an index. It holds the index's lock, so there is one at a time.
//
// Changes gather until SegmentRows are there, or until Commit; they become visible and durable together. A process
// that ends before that, however it ends, leaves the index as the last commit left it.
type Writer struct {
	SegmentRows int // rows of a segment; memory and what a kill can lose are in proportion

	dir     string
	lock    *durable.Lock
	meta    meta
	old     *Index           // as it was at the beginning: where copies come from
	parts   map[int]*part    // its parts by segment number
	paths   map[string]place // of every live row, those not yet written included
	known   map[string]details
	pending []Row
	dead    map[int][]int // rows to bury with the next commit, by segment number
}

// place is where a row stands: in a segment, or among the pending ones.
type place struct{ segment, row int }

const pendingRow = -1 // the segment of a place among the pending rows

// Update opens an index for changes, or makes one. Another process's lock is durable.ErrLocked, another model's index
// a MismatchError, damage a CorruptError. A new index keeps float32 unless the space says otherwise.
func Update(dir string, space Space) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	lock, err := durable.Acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", dir, err)
	}
	w := &Writer{SegmentRows: 8192, dir: dir, lock: lock, paths: map[string]place{}, known: map[string]details{}, dead: map[int][]int{}, parts: map[int]*part{}}
	if err := w.load(space); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

const lockName = "lock"

func (w *Writer) load(space Space) error {
	var err error
	w.meta, err = readMeta(w.dir)
	if errors.Is(err, os.ErrNotExist) {
		return w.create(space)
	}
	if err != nil {
		return err
	}
	if err := w.meta.Space.accepts(w.dir, space); err != nil {
		return err
	}
	if w.old, err = open(w.dir); err != nil {
		return err
	}
	for i, s := range w.meta.Segments {
		if err := w.list(s.Number, w.old.parts[i]); err != nil {
			return err
		}
	}
	return w.sweep()
}

// list notes a segment's live rows.
func (w *Writer) list(number int, p *part) error {
	rows, err := p.allDetails()
	if err != nil {
		return err
	}
	w.parts[number] = p
	for row, d := range rows {
		if !p.dead[row] {
			w.paths[d.Path] = place{number, row}
			w.known[d.Path] = d
		}
	}
	return nil
}

// create writes the meta.json of an empty index before anything else, so that the folder is never taken for another's.
func (w *Writer) create(space Space) error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("make index: %w", err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, lockName) && !strings.HasPrefix(name, ".") {
			return &CorruptError{filepath.Join(w.dir, metaName), fmt.Sprintf("missing, and the folder holds other things (%s)", name)}
		}
	}
	if space.DType == "" {
		space.DType = Float32
	}
	if err := space.check(); err != nil {
		return fmt.Errorf("make index: %w", err)
	}
	if space.Fingerprint == "" {
		return errors.New("make index: a model without a fingerprint")
	}
	space.Preprocess = compactJSON(space.Preprocess)
	w.meta = meta{Format: formatVersion, Space: space, Segments: []segment{}}
	return writeMeta(w.dir, w.meta)
}

// sweep removes what a killed process left: segment files that meta.json doesn't name, and unfinished ones, whose
// names hold the name that they were to have.
func (w *Writer) sweep() error {
	named := map[string]bool{metaName: true}
	for _, s := range w.meta.Segments {
		for name := range s.Files {
			named[name] = true
		}
	}
	for _, folder := range []string{".", "img_emb", "text_emb", "metadata"} {
		entries, err := os.ReadDir(filepath.Join(w.dir, folder))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("open index: %w", err)
		}
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			if !e.Type().IsRegular() || named[name] || !ownName.MatchString(e.Name()) {
				continue
			}
			if err := os.Remove(filepath.Join(w.dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("remove the rest of an interrupted run: %w", err)
			}
		}
	}
	return nil
}

var ownName = regexp.MustCompile(`img_emb_\d+\.npy|text_emb_\d+\.npy|metadata_\d+\.parquet|meta\.json`)

// Has says whether a path has a row.
func (w *Writer) Has(path string) bool {
	_, ok := w.paths[path]
	return ok
}

// Plan compares the files found with the index; scope is where they were looked for.
func (w *Writer) Plan(found []File, scope Scope, hash func(path string) (string, error)) Plan {
	return plan(w.known, found, scope, hash)
}

// Follow does what a plan needs no model for: it writes the copies and removes rows. It comes before any Add, and
// nothing of it is durable before a commit.
func (w *Writer) Follow(p Plan) error {
	from := make([]place, len(p.Copy)) // looked up before anything moves: two files may have changed names
	for i, c := range p.Copy {
		at, ok := w.paths[c.From]
		if !ok || at.segment == pendingRow {
			return fmt.Errorf("index %s: no row of %s to copy", w.dir, c.From)
		}
		from[i] = at
	}
	for i, c := range p.Copy {
		row, err := w.stored(from[i])
		if err != nil {
			return err
		}
		row.File = c.File
		if err := w.Add(row); err != nil {
			return err
		}
	}
	for _, path := range p.Remove {
		w.Remove(path)
	}
	return nil
}

// stored reads a row's features.
func (w *Writer) stored(at place) (r Row, err error) {
	p := w.parts[at.segment]
	for _, t := range p.tables() {
		err := t.read(func() error {
			switch {
			case t.empty(at.row):
			case t == p.image:
				r.Image = t.row(at.row)
			default:
				r.Text = t.row(at.row)
			}
			return nil
		})
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// Add puts a row into the index, in place of the one that its path has.
func (w *Writer) Add(r Row) error {
	if r.Image == nil && r.Text == nil {
		return fmt.Errorf("index %s: %s has no feature", w.dir, r.Path)
	}
	for _, v := range []*[]float32{&r.Image, &r.Text} {
		if *v == nil {
			continue
		}
		if len(*v) != w.meta.Dim {
			return fmt.Errorf("index %s: %s has %d values, not %d", w.dir, r.Path, len(*v), w.meta.Dim)
		}
		unit, err := unitRow(*v)
		if err != nil {
			return fmt.Errorf("index %s: %s: %w", w.dir, r.Path, err)
		}
		*v = vec.Direction(unit)
	}
	if at, ok := w.paths[r.Path]; ok && at.segment == pendingRow {
		w.pending[at.row] = r
		return nil
	}
	w.Remove(r.Path)
	w.paths[r.Path] = place{pendingRow, len(w.pending)}
	w.pending = append(w.pending, r)
	if len(w.pending) >= w.SegmentRows {
		return w.Commit()
	}
	return nil
}

// Remove takes a path's row out of the index; it says whether there was one.
func (w *Writer) Remove(path string) bool {
	at, ok := w.paths[path]
	if !ok {
		return false
	}
	delete(w.paths, path)
	if at.segment != pendingRow {
		w.dead[at.segment] = append(w.dead[at.segment], at.row)
		return true
	}
	w.pending = slices.Delete(w.pending, at.row, at.row+1)
	for i := at.row; i < len(w.pending); i++ {
		w.paths[w.pending[i].Path] = place{pendingRow, i}
	}
	return true
}

// Close gives the lock back; what was not committed is forgotten.
func (w *Writer) Close() error {
	var errs []error
	if w.old != nil {
		errs = append(errs, w.old.Close())
		w.old = nil
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Release())
		w.lock = nil
	}
	return errors.Join(errs...)
}
