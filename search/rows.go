package search

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"clipgo/search/columns"
)

// Detail is what an index knows of a row in addition to its features. Folders of clip-retrieval's have at most a path and a caption.
type Detail struct {
	Path    string
	Caption string
	Size    int64  // of the file, in bytes
	MTime   int64  // of the file, nanoseconds since 1970
	Hash    string // SHA-256 of the content, in hexadecimal digits
	Live    bool   // false: the row was replaced or removed
	Facts   Facts
	// Metadata are the values of further columns that the row has.
	Metadata columns.Values
}

// Version names the state of an index: it changes with each commit. It is empty for a folder of clip-retrieval's, which has none.
func (ix *Folder) Version() string {
	if ix.meta == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(ix.meta))
	return hex.EncodeToString(sum[:8])
}

// Details reads what the index knows of some rows. A row that the index doesn't have is ErrNoRow.
func (ix *Folder) Details(rows []int) ([]Detail, error) {
	near := make([]Neighbor, len(rows))
	for i, row := range rows {
		if row < 0 || row >= ix.rows {
			return nil, fmt.Errorf("%w: row %d of %d", ErrNoRow, row, ix.rows)
		}
		near[i].Row = row
	}
	read, err := ix.details(near)
	if err != nil {
		return nil, err
	}
	out := make([]Detail, len(rows))
	for i, d := range read {
		p, at, err := ix.locate(rows[i])
		if err != nil {
			return nil, err
		}
		out[i] = d.detail(!p.dead[at])
	}
	return out, nil
}

func (d details) detail(live bool) Detail {
	return Detail{Path: d.Path, Caption: d.Caption, Size: d.Size, MTime: d.MTime, Hash: d.Hash, Live: live,
		Facts: d.known(), Metadata: d.Columns}
}

// RowFeatures returns the unit features of a row's picture and caption, nil where it has none. A row that is not live, or that the
// index doesn't have, is ErrNoRow.
func (ix *Folder) RowFeatures(row int) (image, text []float32, err error) {
	p, at, err := ix.locate(row)
	if err != nil || p.dead[at] {
		return nil, nil, fmt.Errorf("%w: row %d", ErrNoRow, row)
	}
	r, err := p.features(at)
	return r.Image, r.Text, err
}
