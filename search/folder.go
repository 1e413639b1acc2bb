package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"clipgo/internal/bounded"
	"clipgo/search/columns"
)

// Folder is an index in a folder, opened for searching. It is a snapshot: it stays what it was when it was opened, whatever
// a Writer does meanwhile. Searches may run at the same time.
type Folder struct {
	dir     string
	space   Space
	meta    string // the content of meta.json; empty where there is none
	parts   []*part
	rows    int
	live    int
	kernel  kernel
	byPath  func() (pathIndex, error)
	columns func() ([]columns.Column, error)
	oneBit  OneBit        // whether to search by 1-bit codes
	recall  *OneBitRecall // of those; nil: not measured
}

var _ Index = (*Folder)(nil)

// part is an opened segment.
type part struct {
	first, rows int       // number of the first row, and how many
	number      int       // of the segment; -1: a part of clip-retrieval's
	image, text *table    // nil where the segment has none
	details     *metadata // nil where there is none
	dead        map[int]bool
	digests     map[string]string // SHA-256 of the files, by path; empty where there is no meta.json
}

// Open opens an index, or a folder of clip-retrieval's, which has no meta.json. A missing folder is os.ErrNotExist;
// damage is a CorruptError that names the file.
func Open(dir string) (*Folder, error) {
	if st, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("open index: %w", &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR})
	}
	const attempts = 3 // a writer may drop a segment between the reading of meta.json and the opening of its files
	for attempt := 1; ; attempt++ {
		ix, err := open(dir)
		if err == nil {
			return ix, nil
		}
		var gone *CorruptError
		if attempt == attempts || !errors.As(err, &gone) {
			return nil, err
		}
	}
}

func open(dir string) (*Folder, error) {
	m, data, err := readMeta(dir)
	if errors.Is(err, os.ErrNotExist) {
		return openForeign(dir)
	}
	if err != nil {
		return nil, err
	}
	ix := newFolder(dir)
	ix.space, ix.meta = m.Space, string(data)
	for _, s := range m.Segments {
		p, err := ix.openSegment(s)
		if err != nil {
			ix.Close()
			return nil, err
		}
		ix.add(p)
	}
	ix.recall = readRecall(dir)
	return ix, nil
}

func newFolder(dir string) *Folder {
	ix := &Folder{dir: dir, kernel: kernels()[0]}
	ix.byPath, ix.columns = sync.OnceValues(ix.indexPaths), sync.OnceValues(ix.listColumns)
	return ix
}

// Has reports whether any row has a feature in a table.
func (ix *Folder) Has(t Table) bool {
	return slices.ContainsFunc(ix.parts, func(p *part) bool { return p.table(t) != nil })
}

func (ix *Folder) add(p *part) {
	p.first = ix.rows
	ix.rows += p.rows
	ix.live += p.rows - len(p.dead)
	ix.parts = append(ix.parts, p)
}

func (ix *Folder) openSegment(s segment) (*part, error) {
	for name, f := range s.Files {
		path := filepath.Join(ix.dir, filepath.FromSlash(name))
		st, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, &CorruptError{File: path, Reason: "meta.json names it, but it is missing"}
		} else if err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
		if st.Size() != f.Size {
			return nil, &CorruptError{File: path, Reason: fmt.Sprintf("%d bytes, but meta.json says %d", st.Size(), f.Size)}
		}
	}
	p := &part{rows: s.Rows, number: s.Number, dead: deadRows(s), digests: map[string]string{}}
	for name, f := range s.Files {
		p.digests[filepath.Join(ix.dir, filepath.FromSlash(name))] = f.SHA256
	}
	names := partFiles{details: filepath.Join(ix.dir, rowsFile(s.Number))}
	if _, ok := s.Files[imageFile(s.Number)]; ok {
		names.image = filepath.Join(ix.dir, imageFile(s.Number))
	}
	if _, ok := s.Files[textFile(s.Number)]; ok {
		names.text = filepath.Join(ix.dir, textFile(s.Number))
	}
	if err := p.open(names); err != nil {
		p.close()
		return nil, err
	}
	if err := errors.Join(p.fits(ix.space), p.openCodes(ix.dir)); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// openCodes opens the codes of the part's tables where there are any.
func (p *part) openCodes(dir string) (err error) {
	for _, t := range p.tables() {
		if t.codes, err = codesForm.open(filepath.Join(dir, codesFile(t.path)), t, p.digests[t.path]); err != nil {
			return err
		}
		if t.bits, err = bitsForm.open(filepath.Join(dir, bitsFile(t.path)), t, p.digests[t.path]); err != nil {
			return err
		}
	}
	return nil
}

func deadRows(s segment) map[int]bool {
	dead := make(map[int]bool, len(s.Dead))
	for _, row := range s.Dead {
		dead[row] = true
	}
	return dead
}

type partFiles struct{ image, text, details string }

func (p *part) open(names partFiles) (err error) {
	if names.image != "" {
		if p.image, err = openTable(names.image); err != nil {
			return err
		}
	}
	if names.text != "" {
		if p.text, err = openTable(names.text); err != nil {
			return err
		}
	}
	if names.details != "" {
		p.details, err = openMetadata(names.details)
	}
	return err
}

// fits checks that a segment's tables have its rows and the index's dimension and type.
func (p *part) fits(space Space) error {
	for _, t := range p.tables() {
		switch {
		case t.rows != p.rows:
			return &CorruptError{t.path, fmt.Sprintf("%d rows, but its segment has %d", t.rows, p.rows)}
		case t.dim != space.Dim:
			return &CorruptError{t.path, fmt.Sprintf("rows of %d, but the index has %d", t.dim, space.Dim)}
		case t.dtype() != space.DType:
			return &CorruptError{t.path, fmt.Sprintf("entries are %s, but the index has %s", t.dtype(), space.DType)}
		}
	}
	return nil
}

func (p *part) tables() []*table {
	var out []*table
	for _, t := range []*table{p.image, p.text} {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

func (p *part) table(t Table) *table {
	if t == Texts {
		return p.text
	}
	return p.image
}

func (p *part) close() error {
	var errs []error
	for _, t := range p.tables() {
		errs = append(errs, t.close())
	}
	if p.details != nil {
		errs = append(errs, p.details.close())
	}
	return errors.Join(errs...)
}

// openForeign opens what clip-retrieval's inference wrote: parts belong together by the number in their names.
func openForeign(dir string) (*Folder, error) {
	var found [3]map[int]string
	numbers := map[int]bool{}
	for i, folder := range []string{"img_emb", "text_emb", "metadata"} {
		var err error
		if found[i], err = segmentFiles(dir, folder); err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
		for n := range found[i] {
			numbers[n] = true
		}
	}
	if len(found[0])+len(found[1]) == 0 {
		return nil, &CorruptError{filepath.Join(dir, metaName), "missing, and there is no img_emb/img_emb_N.npy either"}
	}
	ix := newFolder(dir)
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		p := &part{number: -1}
		err := p.open(partFiles{image: found[0][n], text: found[1][n], details: found[2][n]})
		if err == nil {
			err = ix.adopt(p)
		}
		if err != nil {
			p.close()
			ix.Close()
			return nil, err
		}
	}
	return ix, nil
}

// adopt adds a part whose size and type only its own files tell. The first part decides for all.
func (ix *Folder) adopt(p *part) error {
	tables := p.tables()
	if len(tables) == 0 {
		return &CorruptError{p.details.path, "there is no table of its number"}
	}
	p.rows = tables[0].rows
	if ix.space.Dim == 0 {
		ix.space = Space{Dim: tables[0].dim, DType: tables[0].dtype()}
	}
	if err := p.fits(ix.space); err != nil {
		return err
	}
	if p.details != nil {
		n, err := p.details.count()
		if err != nil {
			return err
		}
		if n != p.rows {
			return &CorruptError{p.details.path, fmt.Sprintf("%d rows, but its tables have %d", n, p.rows)}
		}
	}
	ix.add(p)
	return nil
}

// Close gives the files back. Searches must have ended.
func (ix *Folder) Close() error {
	var errs []error
	for _, p := range ix.parts {
		errs = append(errs, p.close())
	}
	ix.parts, ix.rows, ix.live = nil, 0, 0
	return errors.Join(errs...)
}

// Reload opens the index anew where something was committed since it was opened, as Index says. A folder of clip-retrieval's,
// which doesn't say when it changes, is opened anew each time.
func (ix *Folder) Reload(context.Context) (Index, error) {
	data, err := bounded.ReadFile(filepath.Join(ix.dir, metaName), bounded.IndexMeta)
	if err == nil && ix.meta == string(data) {
		return ix, nil
	}
	next, err := Open(ix.dir)
	if err != nil {
		return nil, err // not a nil *Folder, which as an Index would be something
	}
	return next, nil
}

// Accepts returns a MismatchError where vectors of a space can't be searched for in this index. A folder of
// clip-retrieval's knows no model: it accepts every one of its dimension.
func (ix *Folder) Accepts(space Space) error {
	space.DType = ""
	return ix.space.accepts(ix.dir, space)
}

// Info describes the index.
func (ix *Folder) Info() Info {
	out := Info{Space: ix.space, Segments: len(ix.parts), Rows: ix.rows, Live: ix.live, OneBit: ix.recall}
	for _, p := range ix.parts {
		for _, t := range p.tables() {
			out.Bytes += int64(len(t.data))
		}
	}
	return out
}
