package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"clipgo/internal/vec"
	"clipgo/search/columns"
)

// errEnough ends a loop over rows that its user left.
var errEnough = errors.New("search: enough")

// Record is a live row with all that an index knows of it.
type Record struct {
	Row     int
	Path    string
	Caption string
	Hash    string    // of the picture's content; empty: not known
	Size    int64     // of the picture's file, bytes; 0: not known
	MTime   int64     // nanoseconds since 1970; 0: not known
	List    string    // the table that names the picture; empty: none
	Image   []float32 // the feature of the picture; nil: none
	Text    []float32 // of the caption; nil: none
	Facts   *Facts    // nil: nobody looked
	// Metadata are the values of further columns that the row has.
	Metadata columns.Values
}

// Segment is a run of rows of an index that were written together. Only which of them are dead changes.
type Segment struct {
	Number int
	Rows   int
	Digest string // of its files
	Dead   []int  // rows that were replaced or removed, ascending
}

// Segments describes the index's segments, in their order. A folder of clip-retrieval's has none.
func (ix *Folder) Segments() []Segment {
	var out []Segment
	for _, p := range ix.parts {
		if p.number < 0 {
			continue
		}
		h := sha256.New()
		for _, path := range slices.Sorted(maps.Keys(p.digests)) {
			fmt.Fprintln(h, filepath.Base(path), p.digests[path])
		}
		out = append(out, Segment{p.number, p.rows, hex.EncodeToString(h.Sum(nil)), slices.Sorted(maps.Keys(p.dead))})
	}
	return out
}

// SegmentRecords reads the live rows of a segment; Row is the number in the segment.
func (ix *Folder) SegmentRecords(ctx context.Context, number int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, p := range ix.parts {
			if p.number != number {
				continue
			}
			err := p.records(ctx, func(r Record) bool {
				r.Row -= p.first
				return yield(r, nil)
			})
			if err != nil && !errors.Is(err, errEnough) {
				yield(Record{}, err)
			}
			return
		}
	}
}

// Records reads all live rows, in order. An error is the last value: a feature that is not finite, or not of unit length, is a
// *CorruptError.
func (ix *Folder) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, p := range ix.parts {
			err := p.records(ctx, func(r Record) bool { return yield(r, nil) })
			if errors.Is(err, errEnough) {
				return
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
		}
	}
}

// checkRow refuses features that are not finite, or not of unit length.
func (p *part) checkRow(row int, f Row) error {
	for _, t := range p.tables() {
		v := f.Text
		if t == p.image {
			v = f.Image
		}
		if v == nil {
			continue
		}
		if length := vec.Norm(v); !(math.Abs(length-1) < roundoff) {
			return &CorruptError{t.path, fmt.Sprintf("row %d has length %v, not 1", row, length)}
		}
	}
	return nil
}

// records reads the live rows of a part. The details are read first, so that nothing of the reader's runs while its file is guarded.
func (p *part) records(ctx context.Context, yield func(Record) bool) error {
	all := make([]details, p.rows)
	if err := p.eachDetails(func(i int, d details) error { all[i] = d; return nil }); err != nil {
		return err
	}
	for i, d := range all {
		if p.dead[i] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := p.features(i)
		if err == nil {
			err = p.checkRow(i, f)
		}
		if err != nil {
			return err
		}
		if !yield(Record{p.first + i, d.Path, d.Caption, d.Hash, d.Size, d.MTime, d.List, f.Image, f.Text, d.facts(), d.Columns}) {
			return errEnough
		}
	}
	return nil
}
