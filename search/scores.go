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
	"clipgo/internal/vec"
)

// Scores are the inner products of a query with every row of a table: what pages, totals and thresholds of one search are made of. They
// take 4 bytes a row, and stay valid when the index is closed.
type Scores struct {
	// Rows is the number of live rows that have a feature in the table; Mean and Deviation are those of their scores, the query's
	// background. Scores of different queries are comparable by (score - Mean) / Deviation.
	Rows            int
	Mean, Deviation float64

	query  []float32
	table  Table
	values []float32 // NaN for rows that can't be found
	slack  float32
}

// Bytes is the memory that the scores take.
func (s *Scores) Bytes() int { return 4 * (len(s.values) + len(s.query)) }

// Standard is a score in standard deviations above the query's background; 0 where all scores are equal.
func (s *Scores) Standard(score float64) float64 {
	if s.Deviation == 0 {
		return 0
	}
	return (score - s.Mean) / s.Deviation
}

func newScores(query []float32, norm float64, t Table, values []float32) *Scores {
	return &Scores{query: slices.Clone(query), table: t, values: values, slack: slack(len(query)) * float32(norm)}
}

// ScoresOf are scores of rows that were compared elsewhere, in float32 sums of any order. Rows that can't be found are NaN.
func ScoresOf(query []float32, t Table, values []float32) *Scores {
	s := newScores(query, vec.Norm(query), t, values)
	var m moments
	for _, v := range values {
		m.add(v)
	}
	s.describe(m)
	return s
}

// Scores compares a query with every row of a table.
func (ix *Folder) Scores(ctx context.Context, vector []float32, t Table) (*Scores, error) {
	if len(vector) != ix.space.Dim {
		return nil, &MismatchError{Dir: ix.dir, What: "vectors of dimension", Have: fmt.Sprint(ix.space.Dim), Want: fmt.Sprint(len(vector))}
	}
	norm := vec.Norm(vector)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("search: the query holds a number that is not finite")
	}
	s := newScores(vector, norm, t, make([]float32, ix.rows))
	sc := &scan{query: s.query, kernel: ix.kernel}
	for _, p := range ix.parts {
		if table := p.table(t); table != nil {
			sc.addBlocks(p, table)
			continue
		}
		for i := range p.rows {
			s.values[p.first+i] = float32(math.NaN())
		}
	}
	return s, s.fill(ctx, sc)
}

// moments are the number, sum and sum of squares of a block's scores. Blocks are added in order, so that the result doesn't depend on
// the number of cores.
type moments struct {
	n        int
	sum, sqr float64
}

// add counts a score; NaN is none.
func (m *moments) add(score float32) {
	if score == score {
		m.n, m.sum, m.sqr = m.n+1, m.sum+float64(score), m.sqr+float64(score)*float64(score)
	}
}

// describe fills the numbers of the background.
func (s *Scores) describe(all moments) {
	if s.Rows = all.n; all.n > 0 {
		s.Mean = all.sum / float64(all.n)
		s.Deviation = math.Sqrt(max(0, all.sqr/float64(all.n)-s.Mean*s.Mean))
	}
}

func (s *Scores) fill(ctx context.Context, sc *scan) error {
	workers := runtime.GOMAXPROCS(0)
	errs, parts := make([]error, workers), make([]moments, len(sc.blocks))
	parallel.Workers(workers, len(sc.blocks), func(w int, mine iter.Seq[int]) {
		for at := range mine {
			if errs[w] = ctx.Err(); errs[w] == nil {
				parts[at], errs[w] = s.block(sc, sc.blocks[at])
			}
			if errs[w] != nil {
				return
			}
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	var all moments
	for _, m := range parts {
		all.n, all.sum, all.sqr = all.n+m.n, all.sum+m.sum, all.sqr+m.sqr
	}
	s.describe(all)
	return ctx.Err()
}

// block scores the rows of one block, and marks those that can't be found.
func (s *Scores) block(sc *scan, b block) (m moments, err error) {
	err = b.table.read(func() error {
		for from := b.from; from < b.to; from += scoreRows {
			values := s.values[b.part.first+from:][:min(scoreRows, b.to-from)]
			sc.full(values, b.table, from)
			for i, score := range values {
				row := from + i
				if score != score || math.IsInf(float64(score), 0) {
					return &CorruptError{b.table.path, fmt.Sprintf("row %d holds a number that is not finite", row)}
				}
				if b.part.dead[row] || score == 0 && b.table.empty(row) {
					values[i] = float32(math.NaN())
					continue
				}
				m.add(score)
			}
		}
		return nil
	})
	return m, err
}

// Best returns the k rows of keep with the highest scores that are not below floor, as Scores.Best does. The scores are those of this
// snapshot.
func (ix *Folder) Best(s *Scores, k int, floor float64, keep Set) ([]Neighbor, error) {
	return s.Best(k, floor, keep, func(rows []int) ([]float64, error) { return ix.exact(s, rows) })
}

// Best returns the k rows of keep with the highest scores that are not below floor, highest first and equals by row. exact gives the
// float64 scores of rows. Like Nearest, it returns the rows and scores of a float64 scan.
func (s *Scores) Best(k int, floor float64, keep Set, exact func(rows []int) ([]float64, error)) ([]Neighbor, error) {
	f, slack := found{k: k, floor: floor}, float64(s.slack)
	for row, score := range s.values {
		lower, upper := float64(score)-slack, float64(score)+slack
		if upper >= f.floor && keep.Has(row) { // not for NaN
			f.rows = append(f.rows, candidate{row: row, lower: lower, upper: upper})
		}
		f.shrink()
		f.floor = max(f.floor, floor)
	}
	f.prune()
	rows := make([]int, len(f.rows))
	for i, c := range f.rows {
		rows[i] = c.row
	}
	scores, err := exact(rows)
	if err != nil {
		return nil, err
	}
	out := make([]Neighbor, 0, len(rows))
	for i, score := range scores {
		if score >= floor {
			out = append(out, Neighbor{rows[i], score})
		}
	}
	slices.SortFunc(out, func(a, b Neighbor) int { return cmp.Or(cmp.Compare(b.Score, a.Score), a.Row-b.Row) })
	return out[:min(k, len(out))], nil
}

// Count is the number of rows of keep whose score is not below floor: what Best returns for a large k.
func (ix *Folder) Count(s *Scores, floor float64, keep Set) (n int, err error) {
	return s.Count(floor, keep, func(rows []int) ([]float64, error) { return ix.exact(s, rows) })
}

// Count is the number of rows of keep whose score is not below floor. exact gives the float64 scores of rows.
func (s *Scores) Count(floor float64, keep Set, exact func(rows []int) ([]float64, error)) (n int, err error) {
	under, over := low(floor, s.slack), high(floor, s.slack)
	var unsure []int // rounding may have lifted them
	for row, value := range s.values {
		switch {
		case !(value >= under) || !keep.Has(row):
		case value <= over:
			unsure = append(unsure, row)
		default:
			n++
		}
	}
	if len(unsure) == 0 {
		return n, nil
	}
	scores, err := exact(unsure)
	for _, score := range scores {
		if score >= floor {
			n++
		}
	}
	return n, err
}

// Vector is the query.
func (s *Scores) Vector() []float32 { return s.query }

// Table is what the query was compared with.
func (s *Scores) Table() Table { return s.table }

// Above counts the rows of keep that are not below each of n thresholds: first, first + step, and so on, up to the rounding of float32.
func (s *Scores) Above(first, step float64, n int, keep Set) []int {
	counts := make([]int, n)
	low, perStep := float32(first), float32(1/step)
	for row, value := range s.values {
		if value >= low && keep.Has(row) { // not for NaN
			counts[min(int((value-low)*perStep), n-1)]++
		}
	}
	for i := n - 2; i >= 0; i-- {
		counts[i] += counts[i+1]
	}
	return counts
}

func low(floor float64, slack float32) float32 {
	return float32(max(floor, -math.MaxFloat32/2)) - 2*slack
}

func high(floor float64, slack float32) float32 {
	return float32(max(floor, -math.MaxFloat32/2)) + 2*slack
}

// exact are the float64 scores of rows.
func (ix *Folder) exact(s *Scores, rows []int) ([]float64, error) {
	out := make([]float64, len(rows))
	for i, row := range rows {
		p, at, err := ix.locate(row)
		if err != nil {
			return nil, err
		}
		t := p.table(s.table)
		err = t.read(func() error {
			out[i] = t.exact(s.query, at)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
