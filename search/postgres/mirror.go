package postgres

import (
	"context"
	"fmt"

	"clipgo/search"
)

// Mirror keeps a collection equal to an index folder while a search.Writer changes it. The folder is the truth: a database that goes away
// stops no writer, and the next Update, of this Mirror or another one, makes up for it.
type Mirror struct {
	dir, url string
	options  Options
	done     Synced
}

// NewMirror makes the database equal to the folder, which has a meta.json. What can't be kept there, or can't be reached, is an error
// before anything is embedded.
func NewMirror(ctx context.Context, dir, url string, o Options) (*Mirror, error) {
	m := &Mirror{dir: dir, url: url, options: o}
	return m, m.Update(ctx)
}

// Update makes the database equal to what the folder has now.
func (m *Mirror) Update(ctx context.Context) error {
	ix, err := search.Open(m.dir)
	if err != nil {
		return err
	}
	defer ix.Close()
	did, err := Sync(ctx, ix, m.url, m.options)
	m.done.Segments += did.Segments
	m.done.Added += did.Added
	m.done.Removed += did.Removed
	m.done.Rows = did.Rows
	return err
}

// Finish makes the last update and returns all that was done. The error says that the folder is complete.
func (m *Mirror) Finish(ctx context.Context) (Synced, error) {
	err := m.Update(ctx)
	if err != nil {
		err = fmt.Errorf("the index is complete, and the database is behind it until index sync, or the next embed: %w", err)
	}
	return m.done, err
}
