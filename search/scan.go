package search

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"

	"clipgo/internal/parallel"
	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Neighbor is a row and its inner product with a query.
type Neighbor struct {
	Row   int
	Score float64
}

// Nearest returns the k live rows of a table with the highest inner products, highest first and equals by row.
//
// The scan is float32; every row that its rounding could have kept out is scored again in float64, so the result is
// that of a float64 scan, for any number of cores. Rows without a feature of the table (all zero) are never near. With 1-bit codes
// (UseOneBit) the rows are those that their estimates bring forward, with exact scores.
func (ix *Folder) Nearest(ctx context.Context, vector []float32, k int, t Table) ([]Neighbor, error) {
	if len(vector) != ix.space.Dim {
		return nil, &MismatchError{Dir: ix.dir, What: "vectors of dimension", Have: fmt.Sprint(ix.space.Dim), Want: fmt.Sprint(len(vector))}
	}
	norm := vec.Norm(vector)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("search: the query holds a number that is not finite")
	}
	k = min(k, ix.live)
	if k <= 0 {
		return nil, ctx.Err()
	}
	if ix.Approximate(t) {
		return ix.nearestByBits(ctx, vector, k, t)
	}
	s := &scan{query: vector, small: quantized.NewQuery(vector), k: k, slack: slack(ix.space.Dim) * float32(norm), kernel: ix.kernel}
	for _, p := range ix.parts {
		if t := p.table(t); t != nil {
			s.addBlocks(p, t)
		}
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s.best()
}

// scan is one search. A block is what a core takes at a time.
type scan struct {
	query  []float32
	small  *quantized.Query    // the query for codes
	bits   *quantized.BitQuery // of a scan by 1-bit codes alone; nil: it isn't one
	k      int
	slack  float32
	kernel kernel
	blocks []block
	found  []found
}

type block struct {
	part     *part
	table    *table
	from, to int
}

const (
	blockRows = 4096
	scoreRows = 256 // scored at once, so that the scores stay in the first cache
)

func (s *scan) addBlocks(p *part, t *table) {
	for from := 0; from < p.rows; from += blockRows {
		s.blocks = append(s.blocks, block{p, t, from, min(from+blockRows, p.rows)})
	}
}

func (s *scan) run(ctx context.Context) error {
	workers := runtime.GOMAXPROCS(0)
	s.found = make([]found, workers)
	errs := make([]error, workers)
	parallel.Workers(workers, len(s.blocks), func(w int, mine iter.Seq[int]) { errs[w] = s.work(ctx, &s.found[w], mine) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// work scores the blocks of one goroutine.
func (s *scan) work(ctx context.Context, f *found, blocks iter.Seq[int]) error {
	*f = found{k: s.k, slack: s.slack, floor: math.Inf(-1)}
	scores, bounds := make([]float32, scoreRows), make([]quantized.Score, scoreRows)
	for at := range blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := s.blocks[at]
		err := b.table.read(func() error {
			for from := b.from; from < b.to; from += scoreRows {
				n := min(scoreRows, b.to-from)
				if err := s.score(f, b, from, scores[:n], bounds[:n]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// score scores some rows, by their codes where there are any, and takes those that may be among the best.
func (s *scan) score(f *found, b block, from int, scores []float32, bounds []quantized.Score) error {
	if s.bits != nil {
		b.table.bits.rows.Estimates(scores, s.bits, from)
		f.takeEstimates(b, from, scores)
		return nil
	}
	if t := b.table; t.codes != nil {
		t.codes.rows.Scores(bounds, s.small, from)
		f.takeCodes(b, from, bounds)
		return nil
	}
	s.full(scores, b.table, from)
	return f.take(b, from, scores)
}

// full scores some rows by the whole table.
func (s *scan) full(dst []float32, t *table, from int) {
	if t.f32 != nil {
		s.kernel.f32(dst, s.query, t.f32[from*t.dim:])
		return
	}
	s.kernel.f16(dst, s.query, t.f16[from*t.dim:])
}

// found holds every row that may still be among the k best: those whose true score can be as high as the k-th of the lowest scores that
// the rows can have.
type found struct {
	k     int
	slack float32
	floor float64
	rows  []candidate
	limit int
}

type candidate struct {
	part         *part
	table        *table
	row          int // of the part
	lower, upper float64
}

// takeCodes is take for scores that have bounds of their own.
func (f *found) takeCodes(b block, from int, scores []quantized.Score) {
	for i, s := range scores {
		if s.Value+s.Bound < f.floor {
			continue
		}
		row := from + i
		if b.part.dead[row] || s.Value == 0 && b.table.empty(row) {
			continue
		}
		f.rows = append(f.rows, candidate{b.part, b.table, row, s.Value - s.Bound, s.Value + s.Bound})
	}
	f.shrink()
}

func (f *found) take(b block, from int, scores []float32) error {
	least := float32(f.floor) - 2*f.slack // rounded, with room
	for i, score := range scores {
		if score < least {
			continue
		}
		row := from + i
		if score != score || math.IsInf(float64(score), 0) {
			return &CorruptError{b.table.path, fmt.Sprintf("row %d holds a number that is not finite", row)}
		}
		if b.part.dead[row] || score == 0 && b.table.empty(row) {
			continue
		}
		f.rows = append(f.rows, candidate{b.part, b.table, row, float64(score) - float64(f.slack), float64(score) + float64(f.slack)})
	}
	f.shrink()
	return nil
}

// shrink prunes when that is worth it.
func (f *found) shrink() {
	if len(f.rows) > f.limit {
		f.prune()
		f.limit = 2*len(f.rows) + 1024
	}
}

// prune drops what can't be among the k best any more.
func (f *found) prune() {
	if len(f.rows) <= f.k {
		return
	}
	lower := make([]float64, len(f.rows))
	for i, c := range f.rows {
		lower[i] = c.lower
	}
	slices.Sort(lower)
	f.floor = lower[len(lower)-f.k]
	f.rows = slices.DeleteFunc(f.rows, func(c candidate) bool { return c.upper < f.floor })
}

// best scores the candidates of all workers in float64 and ranks them.
func (s *scan) best() ([]Neighbor, error) {
	all := found{k: s.k, slack: s.slack}
	for _, f := range s.found {
		all.rows = append(all.rows, f.rows...)
	}
	all.prune()
	out := make([]Neighbor, len(all.rows))
	for i, c := range all.rows {
		err := c.table.read(func() error {
			out[i] = Neighbor{Row: c.part.first + c.row, Score: c.table.exact(s.query, c.row)}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Neighbor) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
	})
	return out[:min(s.k, len(out))], nil
}
