package search

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"clipgo/internal/durable"
	"clipgo/internal/vec"
	"clipgo/search/columns"
)

// Row is what the index holds of a source: at least one feature, and where it came from. A path has one row; another
// one takes its place.
type Row struct {
	File
	Image, Text []float32 // of the index's dimension, normalized or not; nil where there is none

	copied bool // from a row that the index has
}

// SegmentRows is what a new Writer's SegmentRows is.
const SegmentRows = 8192

// Writer changes an index. It holds the index's lock, so there is one at a time.
//
// Changes gather until SegmentRows are there, or until Commit; they become visible and durable together. A process
// that ends before that, however it ends, leaves the index as the last commit left it.
type Writer struct {
	SegmentRows int // rows of a segment; memory and what a kill can lose are in proportion
	// OneBit says whether codes of 1 bit an entry are made. It is set before Begin.
	OneBit OneBit
	// Committed is called after each commit that changed the index; nil: nothing is.
	Committed func()

	dir     string
	disk    disk
	next    int // number of the next segment that is written: none is written twice
	lock    *durable.Lock
	meta    meta
	old     *Folder          // as it was at the beginning: where copies come from
	parts   map[int]*part    // its parts by segment number
	paths   map[string]place // of every live row, those not yet written included
	known   map[string]details
	pending []Row
	dead    map[int][]int    // rows to bury with the next commit, by segment number
	damaged []damage         // segments that a repair leaves out
	lost    lost             // with them
	changed bool             // meta.json has something to say that is no row
	columns []columns.Column // the further ones, that each new segment has
	// precision is how the features that are added were computed: see Space.Precision.
	precision string
}

// place is where a row is: in a segment, or among the pending ones.
type place struct{ segment, row int }

const pendingRow = -1 // the segment of a place among the pending rows

const lockName = "lock"

// Update opens an index for changes, or makes one: OpenWriter and Begin.
func Update(dir string, space Space) (*Writer, error) {
	w, err := OpenWriter(dir)
	if err != nil {
		return nil, err
	}
	if err := w.Begin(space); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// OpenWriter opens an index for changes, reads what is in it and checks every file against its SHA-256: nothing is added to an index
// that is damaged. Where there is none yet it makes nothing: Begin does. Another writer's lock is durable.ErrLocked, damage a
// *CorruptError; OpenRepair goes on without what is damaged.
func OpenWriter(dir string) (*Writer, error) { return openWriter(dir, false) }

func openWriter(dir string, repair bool) (*Writer, error) {
	w := &Writer{SegmentRows: SegmentRows, dir: dir, disk: osDisk{}, paths: map[string]place{}, known: map[string]details{},
		dead: map[int][]int{}, parts: map[int]*part{}}
	if _, err := os.Stat(filepath.Join(dir, metaName)); errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err := w.load(repair); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Begin says whose features will be added. It comes before all changes, and makes the index where there is none. Another model's
// index is a *MismatchError. A new index keeps float32 unless the space says otherwise.
func (w *Writer) Begin(space Space) error {
	w.precision = space.Precision
	if w.old == nil {
		if err := os.MkdirAll(w.dir, 0o755); err != nil {
			return fmt.Errorf("open index: %w", err)
		}
		if err := w.load(false); errors.Is(err, fs.ErrNotExist) {
			return w.create(space)
		} else if err != nil {
			return err
		}
	}
	if err := w.meta.Space.accepts(w.dir, space); err != nil {
		return err
	}
	if space.Model != "" && space.Model != w.meta.Model { // the same model, found elsewhere: that is where it is now
		w.meta.Model, w.changed = space.Model, true
	}
	if err := w.sweep(); err != nil {
		return err
	}
	return w.recode()
}

// Info describes the index as it was opened: nothing where there is none yet.
func (w *Writer) Info() Info {
	if w.old == nil {
		return Info{}
	}
	return w.old.Info()
}

// load takes the lock and reads the index; without a meta.json it is fs.ErrNotExist. With repair, damaged segments are left out.
func (w *Writer) load(repair bool) (err error) {
	if w.lock == nil {
		if w.lock, err = durable.Acquire(filepath.Join(w.dir, lockName)); err != nil {
			return fmt.Errorf("index %s: %w", w.dir, err)
		}
	}
	var data []byte
	if w.meta, data, err = readMeta(w.dir); err != nil {
		return err
	}
	w.old = newFolder(w.dir)
	w.old.space, w.old.meta = w.meta.Space, string(data)
	kept, lost := []segment{}, []columns.Column(nil)
	for _, s := range w.meta.Segments {
		err := w.loadSegment(s)
		if corrupt := (*CorruptError)(nil); repair && errors.As(err, &corrupt) {
			w.damaged = append(w.damaged, w.damageOf(s, corrupt))
			lost = addColumns(lost, filepath.Join(w.dir, filepath.FromSlash(rowsFile(s.Number))))
			continue
		} else if err != nil {
			return err
		}
		kept = append(kept, s)
	}
	w.meta.Segments, w.next = kept, w.meta.Next
	there, err := w.old.Columns()
	w.columns = columns.Add(there, lost)
	return err
}

// loadSegment opens a segment, checks its files and notes its live rows.
func (w *Writer) loadSegment(s segment) error {
	p, err := w.old.openSegment(s)
	if err != nil {
		return err
	}
	var rows []int
	var live []details
	err = p.verifyDigests()
	if err == nil {
		err = p.eachDetails(func(row int, d details) error {
			if !p.dead[row] {
				rows, live = append(rows, row), append(live, d)
			}
			return nil
		})
	}
	if err != nil {
		return errors.Join(err, p.close())
	}
	for i, d := range live {
		w.paths[d.Path], w.known[d.Path] = place{s.Number, rows[i]}, d
	}
	w.old.add(p)
	w.parts[s.Number] = p
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
	return w.writeMeta(w.meta)
}

// sweep removes what a killed process left: segment files that meta.json doesn't name, and unfinished ones, whose
// names hold the name that they were to have.
func (w *Writer) sweep() error {
	named := map[string]bool{metaName: true}
	for _, s := range w.meta.Segments {
		for name := range s.Files {
			named[name] = true
			for _, side := range sideFiles(name) {
				named[side] = true
			}
		}
	}
	for _, d := range w.damaged { // meta.json names them until the next commit
		for name := range d.segment.Files {
			named[name] = true
		}
	}
	for _, folder := range []string{".", "img_emb", "text_emb", "metadata", "codes"} {
		entries, err := os.ReadDir(filepath.Join(w.dir, folder))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("open index: %w", err)
		}
		for _, e := range entries {
			name := path.Join(folder, e.Name())
			if !e.Type().IsRegular() || named[name] || !ownName.MatchString(e.Name()) {
				continue
			}
			if err := w.disk.remove(filepath.Join(w.dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("remove the rest of an interrupted run: %w", err)
			}
		}
	}
	return nil
}

var ownName = regexp.MustCompile(`(?:img|text)_emb_\d+\.(?:npy|i8|b1)|metadata_\d+\.parquet|meta\.json`)

// Has reports whether a path has a row.
func (w *Writer) Has(path string) bool {
	_, ok := w.paths[path]
	return ok
}

// Rows is how many rows the index has, those included that the next commit adds.
func (w *Writer) Rows() int { return len(w.paths) }

// Looked reports whether a path has a row whose file's facts were looked for.
func (w *Writer) Looked(path string) bool { return w.known[path].Looked }

// Hash is the hash of the content that a path's row was made from; empty: it is not known.
func (w *Writer) Hash(path string) string { return w.known[path].Hash }

// Plan compares the files found with the index and says what is new, changed, moved and gone. scope is where they were looked
// for. hash gives the hash of the i-th file's content; it is called, and the hash kept in found, only where size and time don't
// decide.
func (w *Writer) Plan(found []File, scope Scope, hash func(i int) (string, error)) Plan {
	return plan(w.known, found, scope, hash, vanished)
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
		row, err := w.parts[from[i].segment].features(from[i].row)
		if err != nil {
			return err
		}
		row.File, row.copied = c.File, true
		if row.Facts == nil {
			row.Facts = w.known[c.From].facts()
		}
		row.Metadata = row.Metadata.Over(w.known[c.From].Columns)
		if c.Moved { // before Add, which may commit: a kill must not leave both rows
			w.Remove(c.From)
		}
		if err := w.Add(row); err != nil {
			return err
		}
	}
	for _, path := range p.Remove {
		w.Remove(path)
	}
	return nil
}

// Add puts a row into the index, in place of the one that its path has. Values of further columns that it doesn't name stay.
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
	if r.copied { // Follow has decided
		return w.add(r)
	}
	r.Metadata = r.Metadata.Over(w.known[r.Path].Columns)
	return w.add(r)
}

// add adds a row whose features have length 1.
func (w *Writer) add(r Row) error {
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

// Remove takes a path's row out of the index; it reports whether there was one.
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
