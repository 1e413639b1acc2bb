package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"clipgo/internal/half"
	"clipgo/internal/paths"
	"clipgo/search"
)

// mostRows is how many rows one statement asks for.
const mostRows = 10_000

// each asks for columns of some rows, and calls use with the place in rows of each that is there.
func (s *Snapshot) each(ctx context.Context, rows []int, columns string, into []any, use func(i int) error) error {
	for from := 0; from < len(rows); from += mostRows {
		some := rows[from:min(from+mostRows, len(rows))]
		segments, at := make([]int32, len(some)), make([]int32, len(some))
		for i, row := range some {
			g, r, ok := s.place(row)
			if !ok {
				return fmt.Errorf("%w: row %d of %d", search.ErrNoRow, row, s.info.Rows)
			}
			segments[i], at[i] = int32(g), int32(r)
		}
		sql := fmt.Sprintf(`select w.n::int, i.segment, %s from unnest($1::int[], $2::int[]) with ordinality as w(segment, row, n)
join %s i on i.segment = w.segment and i.row = w.row`, columns, items(s.c.id))
		err := s.view(ctx, func(tx pgx.Tx, first map[int]int) error {
			found, err := tx.Query(ctx, sql, segments, at)
			if err != nil {
				return err
			}
			var n, segment int
			_, err = pgx.ForEachRow(found, append([]any{&n, &segment}, into...), func() error {
				if _, ok := first[segment]; !ok { // replaced by another of its number
					return nil
				}
				return use(from + n - 1)
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// vector reads a feature as the collection keeps it.
type vector struct {
	half   *pgvector.HalfVector
	single *pgvector.Vector
}

func (s *Snapshot) scan(f *vector) any {
	if s.c.keptAs == "vector" {
		return &f.single
	}
	return &f.half
}

func (f *vector) slice() []float32 {
	switch {
	case f.half != nil:
		return f.half.Slice()
	case f.single != nil:
		return f.single.Slice()
	}
	return nil
}

// features reads features of rows; nil where there is none.
func (s *Snapshot) features(rows []int, t search.Table) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	out := make([][]float32, len(rows))
	var f vector
	err := s.each(ctx, rows, "i."+column(t), []any{s.scan(&f)}, func(i int) error {
		out[i] = f.slice()
		f = vector{}
		return nil
	})
	return out, err
}

// RowFeatures returns the features of a row's picture and caption, nil where it has none. A row that isn't there is search.ErrNoRow.
func (s *Snapshot) RowFeatures(row int) (image, text []float32, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	var x, y vector
	found := false
	err = s.each(ctx, []int{row}, "i.image, i.text", []any{s.scan(&x), s.scan(&y)}, func(int) error {
		image, text, found = x.slice(), y.slice(), true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: row %d", search.ErrNoRow, row)
	}
	return image, text, err
}

// Pairs finds rows that are alike, as search.Folder's does.
func (s *Snapshot) Pairs(ctx context.Context, rows []int, t search.Table, above float64, use func(a, b int)) error {
	features, err := s.features(rows, t)
	if err != nil {
		return err
	}
	all := make([]float32, len(rows)*s.info.Dim)
	for i, f := range features {
		copy(all[i*s.info.Dim:], f)
	}
	return search.PairsOf(ctx, all, s.info.Dim, above, use)
}

const detailColumns = "i.path, coalesce(i.caption, ''), coalesce(i.size, 0), i.mtime, coalesce(i.hash, ''), " +
	"i.taken, coalesce(i.camera, ''), coalesce(i.latitude, 0), coalesce(i.longitude, 0), i.meta::text"

// detail reads the columns of detailColumns.
type detail struct {
	search.Detail
	mtime, taken *time.Time
	meta         string
}

func (d *detail) into() []any {
	return []any{&d.Path, &d.Caption, &d.Size, &d.mtime, &d.Hash, &d.taken, &d.Facts.Camera, &d.Facts.Latitude, &d.Facts.Longitude, &d.meta}
}

func (d *detail) read() search.Detail {
	out := d.Detail
	out.Metadata = readMeta(d.meta)
	if d.taken != nil {
		out.Facts.Taken = d.taken.UnixNano()
	}
	out.Path, out.Live = paths.FromText(out.Path), true
	if d.mtime != nil {
		out.MTime = d.mtime.UnixNano()
	}
	return out
}

// Details reads what the database knows of some rows. Times are in microseconds there. A row that isn't there isn't live.
func (s *Snapshot) Details(rows []int) ([]search.Detail, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	out := make([]search.Detail, len(rows))
	var d detail
	err := s.each(ctx, rows, detailColumns, d.into(), func(i int) error {
		out[i] = d.read()
		return nil
	})
	return out, err
}

// Catalog reads what the database knows of all rows.
func (s *Snapshot) Catalog(ctx context.Context) (*search.Catalog, error) {
	sql := fmt.Sprintf("select i.segment, i.row, %s from %s i order by i.segment, i.row", detailColumns, items(s.c.id))
	return search.CatalogOf(s.info.Rows, func(add func(search.Detail)) error {
		next := 0
		upTo := func(row int) {
			for ; next < row; next++ {
				add(search.Detail{})
			}
		}
		err := s.view(ctx, func(tx pgx.Tx, first map[int]int) error {
			rows, err := tx.Query(ctx, sql)
			if err != nil {
				return err
			}
			var d detail
			var segment, at int
			_, err = pgx.ForEachRow(rows, append([]any{&segment, &at}, d.into()...), func() error {
				from, ok := first[segment]
				if row := from + at; ok && row >= next && row < s.info.Rows {
					upTo(row)
					add(d.read())
					next++
				}
				return nil
			})
			return err
		})
		upTo(s.info.Rows)
		return err
	})
}

// scaled is a query whose rounding can be bounded: of length 1, and what products with it are multiplied by. Zeros stay zeros.
func scaled(query []float32, norm float64) (unit []float32, scale float32) {
	if norm == 0 {
		return query, 1
	}
	unit = make([]float32, len(query))
	for i, v := range query {
		unit[i] = float32(float64(v) / norm)
	}
	return unit, float32(norm)
}

// split makes two float16 vectors of a unit query: high + low/lowScale differs from it by 2^-22 of each entry.
func split(query []float32) (high, low []float32) {
	high, low = make([]float32, len(query)), make([]float32, len(query))
	for i, v := range query {
		high[i] = half.Float16(half.ToFloat16(v))
		low[i] = half.Float16(half.ToFloat16((v - high[i]) * lowScale))
	}
	return high, low
}
