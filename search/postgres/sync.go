package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pgvector/pgvector-go"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/search"
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
		return out, fmt.Errorf("database: %w", err)
	}
	if _, err := pool.Exec(ctx, itemIndexes(s.c.id)); err != nil {
		return out, fmt.Errorf("database: %w", err)
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
	out  *Synced
}

// open finds the collection, or makes it.
func (s *syncer) open(ctx context.Context, o Options) error {
	info := s.ix.Info()
	c, ok, err := readCollection(ctx, s.pool, o.Name)
	if err != nil {
		return err
	}
	if ok {
		s.c = c
		return s.ix.Accepts(c.space)
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
		return err
	})
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
	for _, want := range s.ix.Segments() {
		old, ok := have[want.Number]
		delete(have, want.Number)
		switch {
		case ok && old.Digest == want.Digest && slices.Equal(old.Dead, want.Dead):
		case ok && old.Digest == want.Digest && within(old.Dead, want.Dead):
			err = s.bury(ctx, want)
		default:
			err = s.write(ctx, want)
		}
		if err != nil {
			return err
		}
	}
	for number := range have {
		if err := s.drop(ctx, number); err != nil {
			return err
		}
	}
	return nil
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

func (s *syncer) write(ctx context.Context, g search.Segment) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.remove(ctx, tx, g.Number); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into clipgo.segment (collection_id, number, rows, digest, dead) values ($1, $2, $3, $4, $5)",
			s.c.id, g.Number, g.Rows, g.Digest, orEmpty(g.Dead))
		if err != nil {
			return err
		}
		columns := []string{"segment", "row", "path", "caption", "size", "mtime", "hash", "image", "text"}
		next, stop := iter.Pull2(s.ix.SegmentRecords(ctx, g.Number))
		defer stop()
		copied, err := tx.CopyFrom(ctx, pgx.Identifier{"clipgo", fmt.Sprint("item_", s.c.id)}, columns, s.source(g.Number, next))
		s.out.Added += copied
		s.out.Segments++
		return err
	})
}

// source gives the rows of a segment to COPY.
func (s *syncer) source(number int, next func() (search.Record, error, bool)) pgx.CopyFromSource {
	return pgx.CopyFromFunc(func() ([]any, error) {
		r, err, ok := next()
		if !ok || err != nil {
			return nil, err
		}
		var mtime *time.Time
		if r.MTime != 0 {
			t := time.Unix(0, r.MTime).UTC()
			mtime = &t
		}
		return []any{number, r.Row, text(paths.Text(r.Path)), text(r.Caption), r.Size, mtime, r.Hash, s.feature(r.Image),
			s.feature(r.Text)}, nil
	})
}

// feature is a vector as the collection keeps it; nil is NULL.
func (s *syncer) feature(v []float32) any {
	switch {
	case v == nil:
		return nil
	case s.c.keptAs == "vector":
		return pgvector.NewVector(v)
	}
	return pgvector.NewHalfVector(v)
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
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		gone, err := tx.Exec(ctx, "delete from "+items(s.c.id)+" where segment = $1 and row = any($2)", g.Number, g.Dead)
		s.out.Removed += gone.RowsAffected()
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update clipgo.segment set dead = $3 where collection_id = $1 and number = $2", s.c.id, g.Number, g.Dead)
		return err
	})
}

func (s *syncer) drop(ctx context.Context, number int) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.remove(ctx, tx, number) })
}

// remove takes a segment and its rows away.
func (s *syncer) remove(ctx context.Context, tx pgx.Tx, number int) error {
	gone, err := tx.Exec(ctx, "delete from "+items(s.c.id)+" where segment = $1", number)
	s.out.Removed += gone.RowsAffected()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "delete from clipgo.segment where collection_id = $1 and number = $2", s.c.id, number)
	return err
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
