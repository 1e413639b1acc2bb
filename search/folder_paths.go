package search

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
)

// pathIndex finds rows by their paths: hashes of the paths, ascending, and the row of each. It is 16 bytes a row, where the
// paths themselves would be some hundred.
type pathIndex struct {
	seed   maphash.Seed
	hashes []uint64
	rows   []int
}

// indexPaths reads the paths of all live rows.
func (ix *Folder) indexPaths() (pathIndex, error) {
	type entry struct {
		hash uint64
		row  int
	}
	seed := maphash.MakeSeed()
	var all []entry
	for _, p := range ix.parts {
		err := p.eachDetails(func(i int, d details) error {
			if !p.dead[i] {
				all = append(all, entry{maphash.String(seed, d.Path), p.first + i})
			}
			return nil
		})
		if err != nil {
			return pathIndex{}, err
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), a.row-b.row) })
	out := pathIndex{seed: seed, hashes: make([]uint64, len(all)), rows: make([]int, len(all))}
	for i, e := range all {
		out.hashes[i], out.rows[i] = e.hash, e.row
	}
	return out, nil
}

// candidates are the rows whose path has the hash of this one.
func (x pathIndex) candidates(path string) []int {
	h := maphash.String(x.seed, path)
	from, _ := slices.BinarySearch(x.hashes, h)
	to := from
	for to < len(x.hashes) && x.hashes[to] == h {
		to++
	}
	return x.rows[from:to]
}

// Feature returns the feature of a path's picture, or of its caption where it has none, as Index says. The first call reads the
// paths of all rows.
func (ix *Folder) Feature(ctx context.Context, path string) ([]float32, error) {
	index, err := ix.byPath()
	if err != nil {
		return nil, err
	}
	for _, row := range index.candidates(path) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, at, err := ix.locate(row)
		if err != nil {
			return nil, err
		}
		list, err := p.readDetails([]int{at})
		if err != nil {
			return nil, err
		}
		if list[0].Path != path {
			continue
		}
		r, err := p.features(at)
		if err != nil {
			return nil, err
		}
		if r.Image != nil {
			return r.Image, nil
		}
		return r.Text, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNoRow, path)
}

// features reads a row's features.
func (p *part) features(row int) (r Row, err error) {
	for _, t := range p.tables() {
		err := t.read(func() error {
			switch {
			case t.empty(row):
			case t == p.image:
				r.Image = t.row(row)
			default:
				r.Text = t.row(row)
			}
			return nil
		})
		if err != nil {
			return r, err
		}
	}
	return r, nil
}
