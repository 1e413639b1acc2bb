package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pgvector/pgvector-go"

	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/columns"
)

// Database is an index in a database. It is no snapshot: each search sees what is there.
type Database struct {
	Exact bool // read every row, whatever approximate index there is

	pool *pgxpool.Pool
	name string
	c    collection
}

var _ search.Index = (*Database)(nil)

// Open opens a collection for searching. One that isn't there is a usage error.
func Open(ctx context.Context, url, name string) (*Database, error) {
	pool, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	c, ok, err := readCollection(ctx, pool, name)
	if err == nil && !ok {
		err = missing(name)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Database{pool: pool, name: name, c: c}, nil
}

// Info describes the collection. Rows are those that live: the database has no others. Numbers that can't be asked for are 0.
func (d *Database) Info() search.Info {
	info := search.Info{Space: d.c.space}
	info.DType = d.c.dtype()
	ctx := context.Background()
	_ = d.pool.QueryRow(ctx, "select count(*) from clipgo.segment where collection_id = $1", d.c.id).Scan(&info.Segments)
	_ = d.pool.QueryRow(ctx, "select count(*) from "+items(d.c.id)).Scan(&info.Rows)
	info.Live = info.Rows
	return info
}

// Accepts compares spaces, as search.Index says.
func (d *Database) Accepts(space search.Space) error {
	space.DType = ""
	return d.c.space.Accepts(d.name+" in the database", space)
}

// Has reports whether any row has a feature in a table.
func (d *Database) Has(t search.Table) bool {
	var has bool
	sql := "select exists (select 1 from " + items(d.c.id) + " where " + column(t) + " is not null)"
	err := d.pool.QueryRow(context.Background(), sql).Scan(&has)
	return err == nil && has
}

func column(t search.Table) string {
	if t == search.Texts {
		return "text"
	}
	return "image"
}

// The bounds of hnsw.ef_search, which has to be larger than the number of rows asked for.
const (
	leastSearch = 100
	mostSearch  = 1000
)

// Find returns the best hits of a query, best first and equals in the order of the index. With an HNSW index they are approximate unless
// Exact is set.
func (d *Database) Find(ctx context.Context, q search.Query) ([]search.Hit, error) {
	var found []row
	var err error
	if q.Where, err = columns.Resolve(q.Where, d.c.columns); err != nil {
		return nil, err
	}
	err = pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if err = d.settings(ctx, tx, q.Top); err == nil {
			found, err = d.nearest(ctx, tx, q)
		}
		return err
	})
	if err != nil {
		return nil, failed(err)
	}
	slices.SortStableFunc(found, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.segment, b.segment), cmp.Compare(a.row, b.row))
	})
	var hits []search.Hit
	for _, r := range found {
		if r.score < q.Threshold {
			break
		}
		hits = append(hits, search.Hit{Rank: len(hits) + 1, Score: r.score, Path: paths.FromText(r.path), Caption: r.caption,
			Metadata: readMeta(r.meta)})
	}
	return hits, nil
}

type row struct {
	segment, row  int
	path, caption string
	score         float64
	meta          string
}

func (d *Database) settings(ctx context.Context, tx pgx.Tx, top int) error {
	statements := []string{fmt.Sprintf("set local hnsw.ef_search = %d", min(max(2*top, leastSearch), mostSearch)),
		"set local hnsw.iterative_scan = relaxed_order"}
	if d.Exact {
		statements = []string{"set local enable_indexscan = off"}
	}
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// nearest asks for the rows that are nearest. The order has no second key: it would keep an approximate index from being used.
func (d *Database) nearest(ctx context.Context, tx pgx.Tx, q search.Query) (out []row, err error) {
	without := make([]string, len(q.Without))
	for i, p := range q.Without {
		without[i] = text(paths.Text(paths.Absolute(p)))
	}
	where, args := accepts(q.Where, []any{d.vector(q.Vector), without, q.Top})
	c := column(q.Table)
	sql := fmt.Sprintf(`select segment, row, path, coalesce(caption, ''), -(%[1]s <#> $1), meta::text from %[2]s
where %[1]s is not null and path <> all($2)%[3]s order by %[1]s <#> $1 limit $3`, c, items(d.c.id), where)
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (x row, err error) {
		err = r.Scan(&x.segment, &x.row, &x.path, &x.caption, &x.score, &x.meta)
		return x, err
	})
}

func (d *Database) vector(v []float32) any {
	if d.c.keptAs == "vector" {
		return pgvector.NewVector(v)
	}
	return pgvector.NewHalfVector(v)
}

// Feature returns the feature of a path's picture or caption, as search.Index says.
func (d *Database) Feature(ctx context.Context, path string) ([]float32, error) {
	var v []float32
	sql := "select coalesce(image, text)::real[] from " + items(d.c.id) + " where path = $1 order by segment desc limit 1"
	if d.c.keptAs == "halfvec" {
		sql = "select coalesce(image, text)::vector::real[] from " + items(d.c.id) + " where path = $1 order by segment desc limit 1"
	}
	err := d.pool.QueryRow(ctx, sql, text(paths.Text(path))).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("%w: %s", search.ErrNoRow, path)
	}
	if err != nil {
		return nil, failed(err)
	}
	return v, nil
}

// Reload is the database itself: it is always as it is now.
func (d *Database) Reload(context.Context) (search.Index, error) { return d, nil }

// Close closes the connections.
func (d *Database) Close() error {
	d.pool.Close()
	return nil
}
