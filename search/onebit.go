package search

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/quantized"
)

// OneBit says whether an index has codes of 1 bit an entry, and whether a search uses them. Such a search reads an eighth of what one by
// 8-bit codes reads. Its hits have exact scores, and a few that an exact search finds may be missing.
type OneBit string

// The empty value is OneBitAuto: from OneBitRows rows on.
const (
	OneBitAuto   OneBit = "auto"
	OneBitAlways OneBit = "always"
	OneBitNever  OneBit = "never"
)

// OneBitRows is the number of rows from which on 1-bit codes are made and used unless they are asked for or turned off.
const OneBitRows = 20_000_000

// LeastRecall is the recall below which 1-bit codes are not used: the features have no structure that they show.
const LeastRecall = 0.95

// Check reports whether a value is one of the three.
func (o OneBit) Check() error {
	if !slices.Contains([]OneBit{"", OneBitAuto, OneBitAlways, OneBitNever}, o) {
		return fmt.Errorf("%q is not auto, always or never", string(o))
	}
	return nil
}

// OneBitRecall is what was measured of searches by 1-bit codes: the share of an exact search's ten best rows that they find.
type OneBitRecall struct {
	At10    float64 `json:"recall_at_10"`
	Queries int     `json:"queries"` // rows of the index that were searched for
	Rows    int     `json:"rows"`    // of the index at that time
}

// candidates is how many rows are scored from the table for the k best.
func candidates(k int) int { return max(200, 20*k) }

// bitRows are a table's rows in 1 bit an entry.
type bitRows = sideFile[quantized.Bits]

var bitsForm = sideForm[quantized.Bits]{quantized.DecodeBits, quantized.VerifyBits}

// wantsBits reports whether the writer makes 1-bit codes.
func (w *Writer) wantsBits() bool {
	return w.meta.Dim <= quantized.MaxDim && (w.OneBit == OneBitAlways || w.OneBit != OneBitNever && w.Rows() >= OneBitRows)
}

// writeBits writes the 1-bit codes of a table.
func (w *Writer) writeBits(name string, rows []float32, digest string) error {
	if !w.wantsBits() {
		return nil
	}
	return w.writeSide(bitsFile(name), digest, quantized.NewBits(rows, w.meta.Dim).Encode)
}

// UseOneBit chooses how Nearest and Find search. 1-bit codes that aren't there, or that find too little, are a usage error where they are
// asked for; otherwise the search is exact.
func (ix *Folder) UseOneBit(o OneBit) error {
	switch {
	case o.Check() != nil:
		return fault.Setting("one_bit", "%v", o.Check())
	case o != OneBitAlways:
	case !ix.hasBits(Images) && !ix.hasBits(Texts) || ix.recall == nil:
		return fault.Setting("one_bit", "the index has no 1-bit codes: embed makes them where one_bit is always")
	case ix.recall.At10 < LeastRecall:
		return fault.Setting("one_bit", "the 1-bit codes of this index find %.3f of the ten best, less than %.2f",
			ix.recall.At10, LeastRecall)
	}
	ix.oneBit = o
	return nil
}

// Approximate reports whether searches of a table use 1-bit codes.
func (ix *Folder) Approximate(t Table) bool {
	wanted := ix.oneBit == OneBitAlways || ix.oneBit != OneBitNever && ix.rows >= OneBitRows
	return wanted && ix.recall != nil && ix.recall.At10 >= LeastRecall && ix.hasBits(t)
}

// hasBits reports whether all parts that have a table have 1-bit codes of it.
func (ix *Folder) hasBits(t Table) bool {
	has := false
	for _, p := range ix.parts {
		if table := p.table(t); table != nil {
			if table.bits == nil {
				return false
			}
			has = true
		}
	}
	return has
}

// nearestByBits scores the rows that the estimates bring forward.
func (ix *Folder) nearestByBits(ctx context.Context, vector []float32, k int, t Table) ([]Neighbor, error) {
	s := &scan{query: vector, k: candidates(k), kernel: ix.kernel}
	for _, p := range ix.parts {
		if t := p.table(t); t != nil {
			s.addBlocks(p, t)
			if s.bits == nil {
				s.bits = t.bits.rows.Query(vector)
			}
		}
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	best, err := s.best()
	return best[:min(k, len(best))], err
}

// takeEstimates takes rows by their estimates.
func (f *found) takeEstimates(b block, from int, scores []float32) {
	for i, s := range scores {
		score := float64(s)
		if !(score >= f.floor) || b.part.dead[from+i] { // not for NaN: rows without a feature
			continue
		}
		f.rows = append(f.rows, candidate{b.part, b.table, from + i, score, score})
	}
	f.shrink()
}

const recallName = "codes/one_bit.json"

// readRecall is what was measured; nil where nothing was, or where it can't be read.
func readRecall(dir string) *OneBitRecall {
	data, err := bounded.ReadFile(filepath.Join(dir, filepath.FromSlash(recallName)), bounded.IndexMeta)
	var r OneBitRecall
	if err != nil || json.Unmarshal(data, &r) != nil || !(r.At10 >= 0 && r.At10 <= 1) {
		return nil
	}
	return &r
}

// The measurement of the recall, and by how much an index changes until it is made again.
const (
	recallQueries = 200
	recallGrowth  = 1.1
)

// MeasureOneBit measures the recall of an index's 1-bit codes and keeps it beside them. It searches for rows of the index, each without
// itself, exactly and by the codes. An index without 1-bit codes gives nil, one that was measured and has hardly grown what was measured.
// The caller has the index's lock.
func MeasureOneBit(ctx context.Context, dir string) (*OneBitRecall, error) {
	ix, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer ix.Close()
	t := Images
	if !ix.Has(Images) {
		t = Texts
	}
	if !ix.hasBits(t) || ix.live < 2 {
		return nil, nil
	}
	if r := ix.recall; r != nil && float64(ix.rows) <= recallGrowth*float64(r.Rows) && float64(r.Rows) <= recallGrowth*float64(ix.rows) {
		return r, nil
	}
	r, err := ix.measure(ctx, t)
	if err != nil {
		return nil, err
	}
	return &r, durable.WriteFile(filepath.Join(dir, filepath.FromSlash(recallName)), 0o644, func(w io.Writer) error {
		return durable.EncodeJSON(w, r)
	})
}

func (ix *Folder) measure(ctx context.Context, t Table) (r OneBitRecall, err error) {
	const k = 10
	found, all := 0, 0
	ix.oneBit = OneBitNever
	for i := range recallQueries {
		row := i * ix.rows / recallQueries
		p, at, err := ix.locate(row)
		if err != nil {
			return r, err
		}
		table := p.table(t)
		if table == nil || p.dead[at] || i > 0 && row == (i-1)*ix.rows/recallQueries {
			continue
		}
		query := table.row(at)
		exact, err := ix.Nearest(ctx, query, k+1, t)
		if err != nil {
			return r, err
		}
		near, err := ix.nearestByBits(ctx, query, k+1, t)
		if err != nil {
			return r, err
		}
		got := map[int]bool{}
		for _, n := range near {
			got[n.Row] = true
		}
		for _, n := range exact {
			if n.Row != row {
				all++
				if got[n.Row] {
					found++
				}
			}
		}
		r.Queries++
	}
	r.Rows, r.At10 = ix.rows, float64(found)/float64(cmp.Or(all, 1))
	r.At10 = math.Round(r.At10*1e4) / 1e4
	return r, nil
}
