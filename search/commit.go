package search

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"clipgo/internal/durable"
	"clipgo/internal/half"
	"clipgo/internal/parallel"
)

// Commit writes the pending changes. First the new segment's files, which nothing names yet, then meta.json by a
// rename: that is the moment of change. An error leaves the index as it was and the changes pending.
func (w *Writer) Commit() error {
	if len(w.pending) == 0 && len(w.dead) == 0 && len(w.damaged) == 0 && !w.changed {
		return nil
	}
	next := w.meta
	next.Segments = nil
	var dropped []segment
	for _, d := range w.damaged {
		dropped = append(dropped, d.segment)
	}
	for _, s := range w.meta.Segments {
		s.Dead = slices.Sorted(slices.Values(append(slices.Clone(s.Dead), w.dead[s.Number]...)))
		if len(s.Dead) == s.Rows {
			dropped = append(dropped, s)
			continue
		}
		next.Segments = append(next.Segments, s)
	}
	next.Precision = w.precisionBeside(next.Segments)
	if len(w.pending) > 0 {
		s, err := w.writeSegment()
		if err != nil {
			return fmt.Errorf("index %s: %w", w.dir, err)
		}
		next.Segments = append(next.Segments, s)
		next.Next = s.Number + 1
	}
	if err := w.writeMeta(next); err != nil {
		return fmt.Errorf("index %s: %w", w.dir, err)
	}
	for i, r := range w.pending {
		w.paths[r.Path] = place{next.Next - 1, i}
	}
	w.meta, w.pending, w.dead, w.damaged, w.changed = next, nil, map[int][]int{}, nil, false
	w.discard(dropped)
	if w.Committed != nil {
		w.Committed()
	}
	return nil
}

// precisionBeside is the index's Precision once the pending rows are beside these segments. Copies of rows that the index had tell nothing
// new.
func (w *Writer) precisionBeside(kept []segment) string {
	copied := slices.ContainsFunc(w.pending, func(r Row) bool { return r.copied })
	computed := slices.ContainsFunc(w.pending, func(r Row) bool { return !r.copied })
	switch {
	case !computed || w.meta.Precision == w.precision:
		return w.meta.Precision
	case len(kept) == 0 && !copied:
		return w.precision
	}
	return mixedPrecision
}

// discard deletes files that no row lives in any more. What can't be deleted is swept by the next writer.
func (w *Writer) discard(dropped []segment) {
	for _, s := range dropped {
		for name := range s.Files {
			_ = w.disk.remove(filepath.Join(w.dir, filepath.FromSlash(name)))
			for _, side := range sideFiles(name) {
				_ = w.disk.remove(filepath.Join(w.dir, filepath.FromSlash(side)))
			}
		}
	}
}

// writeSegment writes the pending rows' files and describes them. After an error the next attempt has another number: a meta.json
// that was replaced, though not safely, may name these files already.
func (w *Writer) writeSegment() (segment, error) {
	n := w.next
	w.next++
	s := segment{Number: n, Rows: len(w.pending), Files: map[string]file{}}
	image := func(r Row) []float32 { return r.Image }
	text := func(r Row) []float32 { return r.Text }
	if err := errors.Join(w.writeTable(s, imageFile(n), w.column(image)), w.writeTable(s, textFile(n), w.column(text))); err != nil {
		return s, err
	}
	list := make([]details, len(w.pending))
	for i, r := range w.pending {
		list[i] = detailsOf(r.File)
	}
	data, err := encodeDetails(list, w.columns)
	if err != nil {
		return s, err
	}
	return s, w.writeFile(s, rowsFile(n), data)
}

// writeTable writes features, and their codes; nil writes nothing.
func (w *Writer) writeTable(s segment, name string, rows []float32) error {
	if rows == nil {
		return nil
	}
	if w.meta.DType == Float16 { // the codes are of what the table holds
		for i, v := range rows {
			rows[i] = half.Float16(half.ToFloat16(v))
		}
	}
	if err := w.writeFile(s, name, encodeNpy(rows, w.meta.Dim, w.meta.DType)); err != nil {
		return err
	}
	if err := w.writeBits(name, rows, s.Files[name].SHA256); err != nil {
		return err
	}
	return w.writeCodes(name, rows, s.Files[name].SHA256)
}

// recode makes the codes that are missing or damaged: those of an index of before, or of one whose codes were lost. Some tables are read
// at once.
func (w *Writer) recode() error {
	type job struct {
		table  *table
		digest string
	}
	var jobs []job
	for _, p := range w.old.parts {
		for _, t := range p.tables() {
			jobs = append(jobs, job{t, p.digests[t.path]})
		}
	}
	errs := make([]error, len(jobs))
	parallel.For(len(jobs), func(i int) { errs[i] = w.recodeTable(jobs[i].table, jobs[i].digest) })
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("index %s: %w", w.dir, err)
	}
	return nil
}

func (w *Writer) recodeTable(t *table, digest string) error {
	whole, bits := t.codes.whole(), !w.wantsBits() || t.bits.whole()
	if whole && bits {
		return nil
	}
	rows := make([]float32, 0, t.rows*t.dim)
	err := t.read(func() error {
		for i := range t.rows {
			rows = append(rows, t.row(i)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !whole {
		_ = w.writeCodes(t.path, rows, digest) // searches read the table then
	}
	if !bits {
		_ = w.writeBits(t.path, rows, digest)
	}
	return nil
}

// column gathers one feature of all pending rows, zeros where a row has none; nil where no row has one.
func (w *Writer) column(of func(Row) []float32) []float32 {
	if !slices.ContainsFunc(w.pending, func(r Row) bool { return of(r) != nil }) {
		return nil
	}
	out := make([]float32, len(w.pending)*w.meta.Dim)
	for i, r := range w.pending {
		copy(out[i*w.meta.Dim:], of(r))
	}
	return out
}

func (w *Writer) writeFile(s segment, name string, data []byte) error {
	sum := sha256.Sum256(data)
	s.Files[name] = file{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	return w.disk.write(filepath.Join(w.dir, filepath.FromSlash(name)), data)
}

func (w *Writer) writeMeta(m meta) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	return w.disk.write(filepath.Join(w.dir, metaName), data)
}

// disk is where a Writer's files are. A test's fails.
type disk interface {
	write(path string, data []byte) error // all of it or nothing, and durable
	remove(path string) error
}

type osDisk struct{}

func (osDisk) write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (osDisk) remove(path string) error { return os.Remove(path) }
