package search

import (
	"context"
	"errors"
	"math"

	"github.com/parquet-go/parquet-go"

	"clipgo/search/columns"
)

// Where returns the live rows that satisfy all conditions on further columns. Of the metadata only their columns are read. Conditions that
// the index's columns don't have are usage errors.
func (ix *Folder) Where(ctx context.Context, conditions []columns.Condition) (Set, error) {
	have, err := ix.Columns()
	if err != nil {
		return nil, err
	}
	if conditions, err = columns.Resolve(conditions, have); err != nil {
		return nil, err
	}
	out := NewSet(ix.rows)
	for _, p := range ix.parts {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if p.details == nil {
			continue
		}
		err := p.eachValues(conditions, func(row int, values columns.Values) {
			for _, c := range conditions {
				if !c.Accepts(values.Of(c.Column)) {
					return
				}
			}
			if !p.dead[row] {
				out.Add(p.first + row)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// eachValues calls use with the values that conditions need, of every row. A part that lacks one of the columns has no such row.
func (p *part) eachValues(conditions []columns.Condition, use func(row int, values columns.Values)) error {
	return p.details.read(func(r *detailsReader) error {
		if err := p.fitsDetails(r); err != nil {
			return err
		}
		var list []columns.Column
		for _, c := range conditions {
			column, ok := columns.Find(r.columns, c.Column)
			if !ok {
				return nil
			}
			if _, again := columns.Find(list, c.Column); !again {
				list = append(list, column)
			}
		}
		return readValues(r.file, list, p.rows, use)
	})
}

func readValues(file *parquet.File, list []columns.Column, rows int, use func(row int, values columns.Values)) (err error) {
	values := columns.NewReader(file, list)
	defer func() { err = errors.Join(err, values.Close()) }()
	chunk := make([]columns.Values, min(rows, 4096))
	for row := 0; row < rows; row += len(chunk) {
		chunk = chunk[:min(len(chunk), rows-row)]
		for i := range chunk {
			chunk[i] = chunk[i][:0]
		}
		if err := values.Read(chunk); err != nil {
			return err
		}
		for i, v := range chunk {
			use(row+i, v)
		}
	}
	return nil
}

// nearestWhere is Nearest among the rows that satisfy conditions.
func (ix *Folder) nearestWhere(ctx context.Context, q Query, k int) ([]Neighbor, error) {
	keep, err := ix.Where(ctx, q.Where)
	if err != nil {
		return nil, err
	}
	scores, err := ix.Scores(ctx, q.Vector, q.Table)
	if err != nil {
		return nil, err
	}
	return ix.Best(scores, k, math.Inf(-1), keep)
}
