package search

import (
	"context"
	"fmt"
	"slices"

	"clipgo/internal/paths"
)

// Find returns the best hits of a query, best first.
func (ix *Folder) Find(ctx context.Context, q Query) ([]Hit, error) {
	without := map[string]bool{}
	for _, path := range q.Without {
		without[paths.Absolute(path)] = true
	}
	var near []Neighbor
	var err error
	if len(q.Where) > 0 {
		near, err = ix.nearestWhere(ctx, q, q.Top+len(without))
	} else {
		near, err = ix.Nearest(ctx, q.Vector, q.Top+len(without), q.Table)
	}
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(near))
	rows, err := ix.details(near)
	if err != nil {
		return nil, err
	}
	for i, n := range near {
		if len(hits) == q.Top || n.Score < q.Threshold {
			break
		}
		if d := rows[i]; !without[paths.Absolute(d.Path)] {
			hits = append(hits, Hit{Rank: len(hits) + 1, Score: n.Score, Path: d.Path, Caption: d.Caption, Metadata: d.Columns})
		}
	}
	return hits, nil
}

// details reads the metadata of neighbours, each file once and in the order of its rows.
func (ix *Folder) details(near []Neighbor) ([]details, error) {
	out := make([]details, len(near))
	of := map[*part][]int{} // places in near
	for i, n := range near {
		p, _, err := ix.locate(n.Row)
		if err != nil {
			return nil, err
		}
		of[p] = append(of[p], i)
	}
	for p, places := range of {
		slices.SortFunc(places, func(a, b int) int { return near[a].Row - near[b].Row })
		rows := make([]int, len(places))
		for i, at := range places {
			rows[i] = near[at].Row - p.first
		}
		got, err := p.readDetails(rows)
		if err != nil {
			return nil, err
		}
		for i, at := range places {
			out[at] = got[i]
		}
	}
	return out, nil
}

// locate finds the part of a row, and its number there.
func (ix *Folder) locate(row int) (*part, int, error) {
	at, found := slices.BinarySearchFunc(ix.parts, row, func(p *part, row int) int { return p.first - row })
	if !found {
		at--
	}
	if row < 0 || row >= ix.rows || at < 0 {
		return nil, 0, fmt.Errorf("index %s has no row %d", ix.dir, row)
	}
	return ix.parts[at], row - ix.parts[at].first, nil
}
