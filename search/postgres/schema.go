package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxvector "github.com/pgvector/pgvector-go/pgx"

	"clipgo/internal/fault"
	"clipgo/search"
	"clipgo/search/columns"
)

// formatVersion is the version of the tables. Version 1 had neither what EXIF says nor further columns.
const formatVersion = 2

const schema = `
create schema if not exists clipgo;
create table if not exists clipgo.collection (
  id bigint generated always as identity primary key, name text not null unique, format_version int not null,
  model text not null, model_fingerprint text not null, preprocess json not null, dim int not null,
  kept_as text not null check (kept_as in ('halfvec', 'vector')));
alter table clipgo.collection add column if not exists columns json not null default '[]';
create table if not exists clipgo.segment (
  collection_id bigint not null references clipgo.collection on delete cascade, number int not null, rows int not null,
  digest text not null, dead int[] not null default '{}', primary key (collection_id, number));`

// itemTable is the statement that makes the table of a collection: one a collection, since dimensions differ.
func itemTable(id int64, keptAs string, dim int) string {
	return fmt.Sprintf(`create table if not exists %[1]s (
  segment int not null, row int not null, path text not null, caption text, size bigint, mtime timestamptz, hash text, %[4]s,
  image %[2]s(%[3]d), text %[2]s(%[3]d), primary key (segment, row));`, items(id), keptAs, dim, strings.Join(factColumns, ", "))
}

// factColumns are those that version 2 added. taken is by the camera's clock, which is in no time zone that is known.
var factColumns = []string{"taken timestamp", "camera text", "latitude float8", "longitude float8", "meta jsonb not null default '{}'"}

// upgrade makes a collection of version 1 one of this version. Sync writes its segments again, one by one: no digest is empty.
func upgrade(ctx context.Context, tx pgx.Tx, id int64) error {
	for _, sql := range []string{
		schema,
		fmt.Sprintf("alter table %s add column if not exists %s", items(id), strings.Join(factColumns, ", add column if not exists ")),
		fmt.Sprintf("update clipgo.segment set digest = '' where collection_id = %d", id),
		fmt.Sprintf("update clipgo.collection set format_version = %d where id = %d", formatVersion, id),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// itemIndexes are the statements that make the indexes of a collection's table. They come after the rows: that is faster than to keep them
// while rows are added.
func itemIndexes(id int64) []string {
	return []string{fmt.Sprintf("create index if not exists item_%d_path on %s using hash (path)", id, items(id)),
		fmt.Sprintf("create index if not exists item_%d_mtime on %s (mtime)", id, items(id)),
		fmt.Sprintf("create index if not exists item_%d_taken on %s (taken)", id, items(id))}
}

func items(id int64) string { return "clipgo.item_" + strconv.FormatInt(id, 10) }

// The oldest pgvector that can search an index again until a filter has enough rows.
const oldestVector = "0.8.0"

// connectTime is the limit of a connection where the address has none.
const connectTime = 15 * time.Second

// connect opens a pool whose connections know pgvector's types. An address that can't be used is a usage error; the password is in no
// message.
func connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable(url, err)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	config.MaxConns = max(config.MaxConns, 2) // the lock has one
	plain, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, connectError(config, err)
	}
	err = requireVector(ctx, plain)
	if closed := plain.Close(ctx); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	config.AfterConnect = pgxvector.RegisterTypes
	return pgxpool.NewWithConfig(ctx, config)
}

func connectError(config *pgxpool.Config, err error) error {
	c := config.ConnConfig
	where := fmt.Sprintf("database %s on %s:%d", c.Database, c.Host, c.Port)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fault.Usagef("%s: %s", where, refused.Message)
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok { // of several lines about each address, the reason of the first
		return fmt.Errorf("%s: %w", where, dial)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("%s: %w", where, name)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// requireVector makes the extension where that is allowed, and refuses one that is too old.
func requireVector(ctx context.Context, c *pgx.Conn) error {
	var version string
	err := c.QueryRow(ctx, "select extversion from pg_extension where extname = 'vector'").Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err = c.Exec(ctx, "create extension vector"); err != nil {
			return fault.Usagef("the database has no extension vector, and it can't be made (%v): install pgvector %s or newer and run "+
				"CREATE EXTENSION vector as a superuser", message(err), oldestVector)
		}
		err = c.QueryRow(ctx, "select extversion from pg_extension where extname = 'vector'").Scan(&version)
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if older(version, oldestVector) {
		return fault.Usagef("the database has pgvector %s, and %s or newer is needed: ALTER EXTENSION vector UPDATE", version, oldestVector)
	}
	return nil
}

func message(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Message
	}
	return err.Error()
}

// older compares versions by their numbers.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return len(x) < len(y)
}

// collection is a row of the table of that name.
type collection struct {
	id      int64
	version int
	space   search.Space
	keptAs  string
	columns []columns.Column // the further ones
}

// selectCollection reads columns so that a table of version 1, which has none, is no error.
const selectCollection = `select id, format_version, model, model_fingerprint, preprocess::text, dim, kept_as,
coalesce(to_json(c) ->> 'columns', '[]') from clipgo.collection c where name = $1`

// readCollection finds a collection; ok is false where there is none, or no schema yet. One of version 1 is refused: Sync upgrades it.
func readCollection(ctx context.Context, q querier, name string) (c collection, ok bool, err error) {
	c, ok, err = findCollection(ctx, q, name)
	if err == nil && ok && c.version != formatVersion {
		return c, false, fault.Modelf(name, "the collection %s has format version %d, not %d: index sync brings it to that",
			name, c.version, formatVersion)
	}
	return c, ok, err
}

// findCollection is readCollection for Sync.
func findCollection(ctx context.Context, q querier, name string) (c collection, ok bool, err error) {
	var preprocess, further string
	err = q.QueryRow(ctx, selectCollection, name).Scan(&c.id, &c.version, &c.space.Model, &c.space.Fingerprint, &preprocess,
		&c.space.Dim, &c.keptAs, &further)
	var refused *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return c, false, nil
	case errors.As(err, &refused) && (refused.Code == "3F000" || refused.Code == "42P01"): // no such schema, no such table
		return c, false, nil
	case err != nil:
		return c, false, failed(err)
	case c.version > formatVersion || c.version < 1:
		return c, false, fault.Modelf(name, "the collection %s has format version %d, and this version reads up to %d", name, c.version,
			formatVersion)
	}
	if err := json.Unmarshal([]byte(further), &c.columns); err != nil {
		return c, false, fault.Modelf(name, "the columns of the collection %s can't be read: %v", name, err)
	}
	c.space.Preprocess = []byte(preprocess)
	return c, true, nil
}

// missing is a collection that isn't there.
func missing(name string) error {
	return fault.Usagef("the database has no collection %s: index sync makes it", name)
}

// dtype is the type of a collection's features.
func (c collection) dtype() search.DType {
	if c.keptAs == "vector" {
		return search.Float32
	}
	return search.Float16
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}
