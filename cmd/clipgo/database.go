package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"clipgo/search"
	"clipgo/search/postgres"
	"clipgo/serve"
)

// databaseOptions name a copy of an index in a database.
type databaseOptions struct {
	Database   string `json:"database" flag:"database" arg:"url" help:"PostgreSQL with pgvector: postgres://USER@HOST/NAME; the rest is taken from PGPASSWORD and its like"`
	Collection string `json:"collection" flag:"collection" arg:"name" help:"the index in the database (default the name of --index)"`

	mirror *postgres.Mirror
}

func (o *databaseOptions) name(index string) string {
	if o.Collection != "" {
		return o.Collection
	}
	return filepath.Base(filepath.Clean(index))
}

// checkDatabase refuses a collection of no database.
func (o *databaseOptions) checkDatabase() error {
	if o.Collection != "" && o.Database == "" {
		return usagef("--collection %s: it is in a database, and --database is missing", o.Collection)
	}
	return nil
}

// openIndex opens the folder, or its copy in the database if there is one.
func (o *databaseOptions) openIndex(ctx context.Context, index string) (search.Index, error) {
	if o.Database == "" {
		return o.openServed(ctx, index)
	}
	d, err := postgres.Open(ctx, o.Database, o.name(index))
	if err != nil {
		return nil, err
	}
	return d, nil
}

// follow copies what a writer commits into the database, if there is one.
func (o *databaseOptions) follow(ctx context.Context, c *console, index string, w *search.Writer) (err error) {
	if o.Database == "" {
		return nil
	}
	if o.mirror, err = postgres.NewMirror(ctx, index, o.Database, postgres.Options{Name: o.name(index)}); err != nil {
		return err
	}
	w.Committed = func() {
		if err := o.mirror.Update(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("the database is behind the index; embedding goes on", "reason", err)
		}
	}
	return nil
}

// finish makes the database equal to the index and says what was done. Of two errors the first goes on.
func (o *databaseOptions) finish(ctx context.Context, c *console, first error) (*postgres.Synced, error) {
	if o.mirror == nil {
		return nil, first
	}
	did, err := o.mirror.Finish(ctx)
	if first != nil && err != nil {
		c.log.Warn(err.Error())
		err = nil
	}
	return &did, errors.Join(first, err)
}

// openServed opens the folder, or its copy in the database if there is one, for a server.
func (o *databaseOptions) openServed(ctx context.Context, index string) (serve.Index, error) {
	if err := o.checkDatabase(); err != nil {
		return nil, err
	}
	if o.Database != "" {
		s, err := postgres.OpenSnapshot(ctx, o.Database, o.name(index))
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	ix, err := search.Open(index)
	if err != nil {
		return nil, err
	}
	if err := verifySmall(ix); err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	return ix, nil
}

// verifySmall checks every byte of an index where that takes no longer than a blink.
func verifySmall(ix *search.Folder) error {
	const blink = 128 << 20 // bytes
	if ix.Info().Bytes > blink {
		return nil
	}
	return ix.Verify()
}

func newIndexSync(a *app) *cobra.Command {
	var o struct {
		indexOptions
		databaseOptions
		Single bool `json:"single" flag:"single" help:"keep float32 instead of float16, of a new collection"`
		HNSW   bool `json:"hnsw" flag:"hnsw" help:"make an approximate index if there is none: faster from some 100,000 pictures on"`
	}
	return readIndex(a, cobra.Command{
		Use:   "sync --index DIR --database URL",
		Short: "Make a PostgreSQL database equal to an index",
		Long: `sync copies an index into PostgreSQL with pgvector 0.8 or newer, for other programs and for queries in SQL. Each segment is a
transaction: a sync that was stopped goes on, and a second one writes only what has changed. Pictures that left the index leave
the database. The folder stays the index; search --database reads the copy.`,
		Example: `  clipgo index sync --index pictures.index --database postgres://localhost/pictures --hnsw
  clipgo search --index pictures.index --database postgres://localhost/pictures "a red heart"`,
		Args: cobra.NoArgs,
	}, &o, &o.indexOptions, func(ctx context.Context, c *console, ix *search.Folder, _ []string) error {
		if o.Database == "" {
			return usagef("--database is missing: postgres://USER@HOST/NAME")
		}
		name := o.name(o.Index)
		r, err := postgres.Sync(ctx, ix, o.Database, postgres.Options{Name: name, Single: o.Single, HNSW: o.HNSW})
		if err != nil {
			return err
		}
		return c.show(r, func() []string {
			return []string{fmt.Sprintf("%s: %d rows; added %d, removed %d", name, r.Rows, r.Added, r.Removed)}
		})
	})
}
