// Package search keeps features in an index and finds the nearest of them, exactly.
//
// An Index is what a search runs on. Folder is the one that this package has: files in clip-retrieval's layout, so that its
// tools read them. img_emb and text_emb hold .npy tables of unit rows, metadata a row of text for each, in immutable segments;
// meta.json says which segments and rows live. Rows are numbered through all segments, dead ones included. A Writer changes
// such a folder.
//
// The package knows no model: features come from an Encoder, and Space says which model made those of an index.
package search

import (
	"context"
	"encoding/json"
	"errors"

	"clipgo/internal/paths"
	"clipgo/search/columns"
)

// Index finds the rows that are nearest to a query. It is a snapshot: each of its methods sees the same rows, and they may run
// at the same time.
type Index interface {
	// Info describes the index.
	Info() Info
	// Accepts returns a *MismatchError where features of a space can't be compared with the index's.
	Accepts(Space) error
	// Has reports whether any row has a feature in a table.
	Has(Table) bool
	// Find returns the best hits of a query, best first.
	Find(context.Context, Query) ([]Hit, error)
	// Feature returns the unit feature of a path's picture, or of its caption where it has no picture. A path without a row
	// is ErrNoRow.
	Feature(ctx context.Context, path string) ([]float32, error)
	// Reload returns the index as it is now: itself where nothing has changed since it was opened, else a new snapshot. The old
	// one works until it is closed, so that searches which use it can end.
	Reload(context.Context) (Index, error)
	// Close gives the memory back. Searches must have ended.
	Close() error
}

// ErrNoRow is a path that an index has no row for.
var ErrNoRow = errors.New("the index has no such picture")

// Table is what a search runs over.
type Table int

// Each row has a picture's feature, a caption's, or both.
const (
	Images Table = iota
	Texts
)

// Info is an index in a few numbers.
type Info struct {
	Space
	Segments int   `json:"segments"`
	Rows     int   `json:"rows"`
	Live     int   `json:"live"`
	Bytes    int64 `json:"bytes"` // of the tables
	// OneBit is what searches by 1-bit codes find; nil: there are none, or nobody measured them.
	OneBit *OneBitRecall `json:"one_bit,omitempty"`
}

// Query is what to look for and how much of it to show.
type Query struct {
	Vector    []float32 // as Combine makes it
	Table     Table
	Top       int
	Threshold float64  // the lowest score shown; cosines are -1 to 1
	Without   []string // paths that are left out: the pictures that the query is made of
	// Where are conditions on further columns that hits satisfy, all of them.
	Where []columns.Condition
}

// Hit is a row found.
type Hit struct {
	Rank    int     `json:"rank"` // from 1
	Score   float64 `json:"score"`
	Path    string  `json:"path"`
	Caption string  `json:"caption"`
	// Metadata are the values of further columns that the row has.
	Metadata columns.Values `json:"metadata,omitempty"`
}

// MarshalJSON writes a path that isn't UTF-8, which JSON can't hold, as its file: URI.
func (h Hit) MarshalJSON() ([]byte, error) {
	type plain Hit
	h.Path = paths.Text(h.Path)
	return json.Marshal(plain(h))
}
