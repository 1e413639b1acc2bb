package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/parallel"
	"clipgo/search"
	"clipgo/search/columns"
)

// Options are the settings of Sync.
type Options struct {
	Name   string // of the collection
	Single bool   // keep float32 (vector) instead of float16 (halfvec), of a new collection
	HNSW   bool   // make an approximate index if there is none
}

// Synced is what Sync did.
type Synced struct {
	Segments int   `json:"segments"` // written
	Added    int64 `json:"added"`    // rows
	Removed  int64 `json:"removed"`
	Rows     int   `json:"rows"` // of the index
}

// The largest dimensions that pgvector's HNSW takes.
const (
	mostHalf   = 4000
	mostSingle = 2000
)

// Sync makes a collection of a database equal to an index: each segment in a transaction of its own, so that a database that is stopped
// has whole segments, and the next Sync goes on. An index of another model is a *search.MismatchError, a Sync that runs already
// durable.ErrLocked.
func Sync(ctx context.Context, ix *search.Folder, url string, o Options) (Synced, error) {
	out := Synced{Rows: ix.Info().Live}
	if ix.Info().Fingerprint == "" {
		return out, fault.Usagef("the index has no meta.json, so nobody knows which model made it")
	}
	pool, err := connect(ctx, url)
	if err != nil {
		return out, err
	}
	defer pool.Close()
	lock, err := acquire(ctx, pool, o.Name)
	if err != nil {
		return out, err
	}
	defer lock.Release()
	s := &syncer{pool: pool, ix: ix, out: &out}
	if err := s.open(ctx, o); err != nil {
		return out, err
	}
	if err := s.segments(ctx); err != nil {
		return out, failed(err)
	}
	if err := s.run(ctx, s.indexes()); err != nil {
		return out, failed(err)
	}
	if o.HNSW {
		err = s.index(ctx)
	}
	return out, err
}

// acquire takes the lock of a collection on a connection that holds it until it is closed.
func acquire(ctx context.Context, pool *pgxpool.Pool, name string) (*pgxpool.Conn, error) {
	c, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	var mine bool
	err = c.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended('clipgo ' || $1, 0))", name).Scan(&mine)
	if err == nil && !mine {
		err = fmt.Errorf("collection %s: %w", name, durable.ErrLocked)
	}
	if err != nil {
		c.Release()
		return nil, err
	}
	return c, nil
}

type syncer struct {
	pool *pgxpool.Pool
	ix   *search.Folder
	c    collection

	mu  sync.Mutex
	out *Synced
}

// open finds the collection, or makes it.
func (s *syncer) open(ctx context.Context, o Options) error {
	info := s.ix.Info()
	further, err := s.ix.Columns()
	if err != nil {
		return err
	}
	c, ok, err := findCollection(ctx, s.pool, o.Name)
	if err != nil {
		return err
	}
	if ok {
		s.c = c
		if err := s.ix.Accepts(c.space); err != nil {
			return err
		}
		return s.describe(ctx, further)
	}
	keptAs, most := "halfvec", mostHalf
	if o.Single {
		keptAs, most = "vector", mostSingle
	}
	if info.Dim > most {
		return fault.Usagef("features of %d entries: pgvector searches %s of at most %d", info.Dim, keptAs, most)
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schema); err != nil {
			return fault.Usagef("database: the tables can't be made: %s", message(err))
		}
		s.c = collection{space: info.Space, keptAs: keptAs}
		preprocess := string(info.Preprocess)
		if preprocess == "" {
			preprocess = "null"
		}
		err := tx.QueryRow(ctx, `insert into clipgo.collection (name, format_version, model, model_fingerprint, preprocess, dim, kept_as)
values ($1, $2, $3, $4, $5::json, $6, $7) returning id`, o.Name, formatVersion, text(info.Model), info.Fingerprint, preprocess, info.Dim,
			keptAs).Scan(&s.c.id)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, itemTable(s.c.id, keptAs, info.Dim))
		return errors.Join(err, setColumns(ctx, tx, s.c.id, further))
	})
}

// describe brings a collection to this version, and notes which further columns its rows may have.
func (s *syncer) describe(ctx context.Context, further []columns.Column) error {
	if s.c.version == formatVersion && slices.Equal(s.c.columns, further) {
		return nil
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if s.c.version != formatVersion {
			if err := upgrade(ctx, tx, s.c.id); err != nil {
				return fault.Usagef("database: the tables can't be brought to version %d: %s", formatVersion, message(err))
			}
		}
		return setColumns(ctx, tx, s.c.id, further)
	})
}

func setColumns(ctx context.Context, tx pgx.Tx, id int64, further []columns.Column) error {
	if further == nil {
		further = []columns.Column{}
	}
	list, err := json.Marshal(further)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "update clipgo.collection set columns = $2::json where id = $1", id, text(string(list)))
	return err
}

// segments writes what is new or changed and removes what is gone.
func (s *syncer) segments(ctx context.Context) error {
	list, err := listSegments(ctx, s.pool, s.c.id)
	if err != nil {
		return err
	}
	have := map[int]search.Segment{}
	for _, g := range list {
		have[g.Number] = g
	}
	var todo []func(context.Context) error
	for _, want := range s.ix.Segments() {
		old, ok := have[want.Number]
		delete(have, want.Number)
		switch {
		case ok && old.Digest == want.Digest && slices.Equal(old.Dead, want.Dead):
		case ok && old.Digest == want.Digest && within(old.Dead, want.Dead):
			todo = append(todo, func(ctx context.Context) error { return s.bury(ctx, want) })
		default:
			todo = append(todo, func(ctx context.Context) error { return s.write(ctx, want) })
		}
	}
	for number := range have {
		todo = append(todo, func(ctx context.Context) error { return s.drop(ctx, number) })
	}
	return s.run(ctx, todo)
}

// writers is how many segments are written at once. More than this doesn't help: the server's log is one.
const writers = 3

// run does what is to do, in order, some at once: each on a connection of its own. The first error ends all.
func (s *syncer) run(ctx context.Context, todo []func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n := min(writers, int(s.pool.Config().MaxConns)-1) // one has the lock
	parallel.Workers(n, len(todo), func(_ int, mine iter.Seq[int]) {
		for i := range mine {
			if ctx.Err() != nil {
				return
			}
			if err := todo[i](ctx); err != nil {
				cancel(err)
			}
		}
	})
	return context.Cause(ctx)
}

// listSegments are the segments of a collection, by their numbers.
func listSegments(ctx context.Context, q querier, id int64) ([]search.Segment, error) {
	rows, err := q.Query(ctx, "select number, rows, digest, dead from clipgo.segment where collection_id = $1 order by number", id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (g search.Segment, err error) {
		err = r.Scan(&g.Number, &g.Rows, &g.Digest, &g.Dead)
		return g, err
	})
}

// within reports whether all of a are in b; both are ascending.
func within(a, b []int) bool {
	for _, v := range a {
		if _, ok := slices.BinarySearch(b, v); !ok {
			return false
		}
	}
	return true
}

// count adds to what was done.
func (s *syncer) count(segments int, added, removed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Segments += segments
	s.out.Added += added
	s.out.Removed += removed
}

func (s *syncer) write(ctx context.Context, g search.Segment) error {
	var removed int64
	next, stop := iter.Pull2(s.ix.SegmentRecords(ctx, g.Number))
	defer stop()
	rows := &copier{segment: g.Number, single: s.c.keptAs == "vector", next: next}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if removed, err = s.remove(ctx, tx, g.Number); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "insert into clipgo.segment (collection_id, number, rows, digest, dead) values ($1, $2, $3, $4, $5)",
			s.c.id, g.Number, g.Rows, g.Digest, orEmpty(g.Dead))
		if err != nil {
			return err
		}
		sql := "copy " + items(s.c.id) + " (" + itemColumns + ") from stdin binary"
		_, err = tx.Conn().PgConn().CopyFrom(ctx, rows, sql)
		return cmp.Or(rows.failed, err)
	})
	if err == nil {
		s.count(1, rows.rows, removed)
	}
	return err
}

// text is what PostgreSQL keeps of a string: UTF-8 without zero bytes.
func text(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "") }

func orEmpty(list []int) []int {
	if list == nil {
		return []int{}
	}
	return list
}

// bury removes rows of a segment that died since it was written.
func (s *syncer) bury(ctx context.Context, g search.Segment) error {
	var removed int64
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		gone, err := tx.Exec(ctx, "delete from "+items(s.c.id)+" where segment = $1 and row = any($2)", g.Number, g.Dead)
		removed = gone.RowsAffected()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update clipgo.segment set dead = $3 where collection_id = $1 and number = $2", s.c.id, g.Number, g.Dead)
		return err
	})
	if err == nil {
		s.count(0, 0, removed)
	}
	return err
}

func (s *syncer) drop(ctx context.Context, number int) error {
	var removed int64
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		removed, err = s.remove(ctx, tx, number)
		return err
	})
	if err == nil {
		s.count(0, 0, removed)
	}
	return err
}

// remove takes a segment and its rows away.
func (s *syncer) remove(ctx context.Context, tx pgx.Tx, number int) (removed int64, err error) {
	gone, err := tx.Exec(ctx, "delete from "+items(s.c.id)+" where segment = $1", number)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, "delete from clipgo.segment where collection_id = $1 and number = $2", s.c.id, number)
	return gone.RowsAffected(), err
}

// indexes are what makes the indexes of the collection's table.
func (s *syncer) indexes() (todo []func(context.Context) error) {
	for _, sql := range itemIndexes(s.c.id) {
		todo = append(todo, func(ctx context.Context) error {
			_, err := s.pool.Exec(ctx, sql)
			return err
		})
	}
	return todo
}

// index makes the approximate index of the pictures' features.
func (s *syncer) index(ctx context.Context) error {
	sql := fmt.Sprintf("create index if not exists item_%d_image on %s using hnsw (image %s_ip_ops)", s.c.id, items(s.c.id), s.c.keptAs)
	_, err := s.pool.Exec(ctx, sql)
	if err != nil {
		return errors.Join(errors.New("database: the HNSW index can't be made"), err)
	}
	return nil
}
