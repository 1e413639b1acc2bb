// Package search keeps features in a folder and finds the nearest of them, exactly.
//
// The folder has clip-retrieval's layout, so that its tools read it: img_emb and text_emb hold .npy tables of unit
// rows, metadata a row of text for each, in immutable segments; meta.json says which segments and rows live. Rows are
// numbered through all segments, dead ones included.
package search

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Table is what a search runs over.
type Table int

// Each row has a picture's feature, a caption's, or both.
const (
	Images Table = iota
	Texts
)

// Index is an index opened for searching. It sees the folder as it was when it was opened; searches may run at the
// same time.
type Index struct {
	dir    string
	space  Space
	parts  []*part
	rows   int
	live   int
	kernel kernel
}

// part is an opened segment.
type part struct {
	first, rows int    // number of the first row, and how many
	image, text *table // nil where the segment has none
	details     string // path of the parquet file; empty where there is none
	dead        map[int]bool
}

// Open opens an index, or a folder of clip-retrieval's, which has no meta.json. A missing folder is os.ErrNotExist;
// damage is a CorruptError that names the file.
func Open(dir string) (*Index, error) {
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

func open(dir string) (*Index, error) {
	m, err := readMeta(dir)
	if errors.Is(err, os.ErrNotExist) {
		return openForeign(dir)
	}
	if err != nil {
		return nil, err
	}
	ix := &Index{dir: dir, space: m.Space, kernel: kernels()[0]}
	for _, s := range m.Segments {
		p, err := ix.openSegment(s)
		if err != nil {
			ix.Close()
			return nil, err
		}
		ix.add(p)
	}
	return ix, nil
}

// Has says whether any row has a feature for a table.
func (ix *Index) Has(t Table) bool {
	return slices.ContainsFunc(ix.parts, func(p *part) bool { return p.table(t) != nil })
}

func (ix *Index) add(p *part) {
	p.first = ix.rows
	ix.rows += p.rows
	ix.live += p.rows - len(p.dead)
	ix.parts = append(ix.parts, p)
}

func (ix *Index) openSegment(s segment) (*part, error) {
	for name, f := range s.Files {
		path := filepath.Join(ix.dir, filepath.FromSlash(name))
		st, err := os.Stat(path)
		if err != nil {
			return nil, &CorruptError{File: path, Reason: "meta.json names it, but it can't be opened: " + err.Error()}
		}
		if st.Size() != f.Size {
			return nil, &CorruptError{File: path, Reason: fmt.Sprintf("%d bytes, but meta.json says %d", st.Size(), f.Size)}
		}
	}
	p := &part{rows: s.Rows, details: filepath.Join(ix.dir, rowsFile(s.Number)), dead: map[int]bool{}}
	for _, row := range s.Dead {
		p.dead[row] = true
	}
	names := partFiles{details: p.details}
	if _, ok := s.Files[imageFile(s.Number)]; ok {
		names.image = filepath.Join(ix.dir, imageFile(s.Number))
	}
	if _, ok := s.Files[textFile(s.Number)]; ok {
		names.text = filepath.Join(ix.dir, textFile(s.Number))
	}
	if err := p.openTables(names); err != nil {
		p.close()
		return nil, err
	}
	if err := p.fits(ix.space); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

type partFiles struct{ image, text, details string }

func (p *part) openTables(names partFiles) (err error) {
	if names.image != "" {
		if p.image, err = openTable(names.image); err != nil {
			return err
		}
	}
	if names.text != "" {
		p.text, err = openTable(names.text)
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
	return errors.Join(errs...)
}

// openForeign opens what clip-retrieval's inference wrote: parts belong together by the number in their names.
func openForeign(dir string) (*Index, error) {
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
	ix := &Index{dir: dir, kernel: kernels()[0]}
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		p := &part{details: found[2][n]}
		err := p.openTables(partFiles{image: found[0][n], text: found[1][n]})
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
func (ix *Index) adopt(p *part) error {
	tables := p.tables()
	if len(tables) == 0 {
		return &CorruptError{p.details, "there is no table of its number"}
	}
	p.rows = tables[0].rows
	if ix.space.Dim == 0 {
		ix.space = Space{Dim: tables[0].dim, DType: tables[0].dtype()}
	}
	if err := p.fits(ix.space); err != nil {
		return err
	}
	if p.details != "" {
		n, err := countDetails(p.details)
		if err != nil {
			return err
		}
		if n != p.rows {
			return &CorruptError{p.details, fmt.Sprintf("%d rows, but its tables have %d", n, p.rows)}
		}
	}
	ix.add(p)
	return nil
}

// Close gives the files back. Searches must have ended.
func (ix *Index) Close() error {
	var errs []error
	for _, p := range ix.parts {
		errs = append(errs, p.close())
	}
	ix.parts, ix.rows, ix.live = nil, 0, 0
	return errors.Join(errs...)
}

// Accepts returns a MismatchError where vectors of a space can't be searched for in this index. A folder of
// clip-retrieval's knows no model: it accepts every one of its dimension.
func (ix *Index) Accepts(space Space) error {
	space.DType = ""
	return ix.space.accepts(ix.dir, space)
}

// Info is an index in a few numbers.
type Info struct {
	Space
	Segments int   `json:"segments"`
	Rows     int   `json:"rows"`
	Live     int   `json:"live"`
	Bytes    int64 `json:"bytes"` // of the tables
}

// Info describes the index.
func (ix *Index) Info() Info {
	out := Info{Space: ix.space, Segments: len(ix.parts), Rows: ix.rows, Live: ix.live}
	for _, p := range ix.parts {
		for _, t := range p.tables() {
			out.Bytes += int64(len(t.data))
		}
	}
	return out
}
