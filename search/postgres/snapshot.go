package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pgvector/pgvector-go"

	"clipgo/internal/vec"
	"clipgo/search"
)

// Snapshot is an index in a database as a server needs it: rows have the numbers that they have in the folder, and every search is exact.
// It is fixed by the list of segments, which are never changed: rows that were added since aren't found, and those that were removed
// since are not there. Features stay in the database.
type Snapshot struct {
	*Database

	shared   *sharedPool
	segments []search.Segment
	first    map[int]int // the number of each segment's first row
	info     search.Info
	has      [2]bool // by table
	version  string
}

var _ search.Index = (*Snapshot)(nil)

// sharedPool is closed with the last snapshot that uses it.
type sharedPool struct {
	*pgxpool.Pool
	users atomic.Int64
}

// statementTime is the limit of what a snapshot asks for outside of a request.
const statementTime = time.Minute

// OpenSnapshot opens a collection as it is now. One that isn't there is a usage error.
func OpenSnapshot(ctx context.Context, url, name string) (*Snapshot, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	shared := &sharedPool{Pool: pool}
	s, err := shared.snapshot(ctx, name)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

func (p *sharedPool) snapshot(ctx context.Context, name string) (*Snapshot, error) {
	c, ok, err := readCollection(ctx, p, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing(name)
	}
	s := &Snapshot{Database: &Database{Exact: true, pool: p.Pool, name: name, c: c}, shared: p, first: map[int]int{}}
	if s.segments, err = listSegments(ctx, p, c.id); err != nil {
		return nil, failed(err)
	}
	s.info = search.Info{Space: c.space, Segments: len(s.segments)}
	s.info.DType = c.dtype()
	for _, g := range s.segments {
		s.first[g.Number] = s.info.Rows
		s.info.Rows += g.Rows
		s.info.Live += g.Rows - len(g.Dead)
	}
	s.version = versionOf(c, s.segments)
	err = p.QueryRow(ctx, fmt.Sprintf(`select exists (select 1 from %[1]s where image is not null),
exists (select 1 from %[1]s where text is not null)`, items(c.id))).Scan(&s.has[search.Images], &s.has[search.Texts])
	if err != nil {
		return nil, failed(err)
	}
	p.users.Add(1)
	return s, nil
}

// versionOf names a state of a collection.
func versionOf(c collection, segments []search.Segment) string {
	h := sha256.New()
	fmt.Fprintln(h, c.id, c.space.Fingerprint, c.columns)
	for _, g := range segments {
		fmt.Fprintln(h, g.Number, g.Digest, g.Dead)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Version names the state of the collection.
func (s *Snapshot) Version() string { return s.version }

// Info describes the snapshot. Nothing is asked for.
func (s *Snapshot) Info() search.Info { return s.info }

// Has reports whether any row had a feature in a table.
func (s *Snapshot) Has(t search.Table) bool { return s.has[t] }

// Reload returns the collection as it is now, as search.Index says.
func (s *Snapshot) Reload(ctx context.Context) (search.Index, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTime)
	defer cancel()
	c, ok, err := readCollection(ctx, s.pool, s.name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missing(s.name)
	}
	segments, err := listSegments(ctx, s.pool, c.id)
	if err != nil {
		return nil, failed(err)
	}
	if versionOf(c, segments) == s.version {
		return s, nil
	}
	next, err := s.shared.snapshot(ctx, s.name)
	if err != nil {
		return nil, err
	}
	return next, nil
}

// Close closes the connections with the last snapshot that has them.
func (s *Snapshot) Close() error {
	if s.shared.users.Add(-1) == 0 {
		s.shared.Close()
	}
	return nil
}

// view runs statements that see one state of the database, and gives the segments of the snapshot that are still there. If the connection
// turns out to be gone, so are the pool's others: it runs them again on a new one. use may be called twice.
func (s *Snapshot) view(ctx context.Context, use func(tx pgx.Tx, first map[int]int) error) error {
	err := s.viewOnce(ctx, use)
	if err != nil && away(err) && ctx.Err() == nil {
		s.pool.Reset()
		err = s.viewOnce(ctx, use)
	}
	return failed(err)
}

func (s *Snapshot) viewOnce(ctx context.Context, use func(tx pgx.Tx, first map[int]int) error) error {
	how := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, s.pool, how, func(tx pgx.Tx) error {
		now, err := listSegments(ctx, tx, s.c.id)
		if err != nil {
			return err
		}
		digests := make(map[int]string, len(now))
		for _, g := range now {
			digests[g.Number] = g.Digest
		}
		first := make(map[int]int, len(s.segments))
		for _, g := range s.segments {
			if digests[g.Number] == g.Digest {
				first[g.Number] = s.first[g.Number]
			}
		}
		return use(tx, first)
	})
}

// lowScale is what the rest of a rounded query is multiplied by, so that float16 holds it.
const lowScale = 2048

// product is the SQL of the inner products with a query, and its arguments. A query for float16 rows is the sum of two float16 vectors:
// the products are then as near to the true ones as those of a float32 query.
func (s *Snapshot) product(column string, query []float32) (sql string, args []any) {
	if s.c.keptAs == "vector" {
		return fmt.Sprintf("-(%s <#> $1)", column), []any{pgvector.NewVector(query)}
	}
	high, low := split(query)
	return fmt.Sprintf("-((%[1]s <#> $1) + (%[1]s <#> $2) / %[2]d)", column, lowScale),
		[]any{pgvector.NewHalfVector(high), pgvector.NewHalfVector(low)}
}

// Scores compares a query with every row of a table, in the database.
func (s *Snapshot) Scores(ctx context.Context, vector []float32, t search.Table) (*search.Scores, error) {
	if len(vector) != s.info.Dim {
		return nil, &search.MismatchError{Dir: s.name, What: "vectors of dimension", Have: fmt.Sprint(s.info.Dim),
			Want: fmt.Sprint(len(vector))}
	}
	norm := vec.Norm(vector)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fmt.Errorf("search: the query holds a number that is not finite")
	}
	values := make([]float32, s.info.Rows)
	for i := range values {
		values[i] = float32(math.NaN())
	}
	unit, scale := scaled(vector, norm)
	product, args := s.product(column(t), unit)
	sql := fmt.Sprintf("select segment, array_agg(row), array_agg((%s)::real) from %s where %s is not null group by segment",
		product, items(s.c.id), column(t))
	err := s.view(ctx, func(tx pgx.Tx, first map[int]int) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var segment int
		var at []int32
		var scores []float32
		_, err = pgx.ForEachRow(rows, []any{&segment, &at, &scores}, func() error {
			from, ok := first[segment]
			for i := range at {
				if row := from + int(at[i]); ok && row < len(values) {
					values[row] = scores[i] * scale
				}
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return search.ScoresOf(vector, t, values), nil
}

// Best returns the best rows, as search.Folder's does. Those that float32 doesn't decide are read and scored again.
func (s *Snapshot) Best(sc *search.Scores, k int, floor float64, keep search.Set) ([]search.Neighbor, error) {
	return sc.Best(k, floor, keep, func(rows []int) ([]float64, error) { return s.exact(sc, rows) })
}

// Count counts the rows that are not below floor, as search.Folder's does.
func (s *Snapshot) Count(sc *search.Scores, floor float64, keep search.Set) (int, error) {
	return sc.Count(floor, keep, func(rows []int) ([]float64, error) { return s.exact(sc, rows) })
}

// exact scores rows in float64. A row that was removed since has no score.
func (s *Snapshot) exact(sc *search.Scores, rows []int) ([]float64, error) {
	features, err := s.features(rows, sc.Table())
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(rows))
	for i, f := range features {
		if out[i] = math.Inf(-1); f != nil {
			out[i] = vec.Dot(sc.Vector(), f)
		}
	}
	return out, nil
}

// place is where the database has a row.
func (s *Snapshot) place(row int) (segment, at int, ok bool) {
	if row < 0 || row >= s.info.Rows {
		return 0, 0, false
	}
	i, found := slices.BinarySearchFunc(s.segments, row, func(g search.Segment, row int) int { return cmp.Compare(s.first[g.Number], row) })
	if !found {
		i--
	}
	g := s.segments[i]
	return g.Number, row - s.first[g.Number], true
}
