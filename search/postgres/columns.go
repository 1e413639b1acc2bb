package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"clipgo/search"
	"clipgo/search/columns"
)

// Columns lists the further columns of the collection, which the column meta has.
func (d *Database) Columns() ([]columns.Column, error) { return d.c.columns, nil }

// Where returns the rows that satisfy all conditions on further columns, as search.Folder's does.
func (s *Snapshot) Where(ctx context.Context, conditions []columns.Condition) (search.Set, error) {
	conditions, err := columns.Resolve(conditions, s.c.columns)
	if err != nil {
		return nil, err
	}
	where, args := accepts(conditions, nil)
	sql := fmt.Sprintf("select segment, array_agg(row) from %s where true%s group by segment", items(s.c.id), where)
	out := search.NewSet(s.info.Rows)
	err = s.view(ctx, func(tx pgx.Tx, first map[int]int) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		var segment int
		var at []int32
		_, err = pgx.ForEachRow(rows, []any{&segment, &at}, func() error {
			from, ok := first[segment]
			for _, row := range at {
				if row := from + int(row); ok && row < s.info.Rows {
					out.Add(row)
				}
			}
			return nil
		})
		return err
	})
	return out, err
}

// accepts is the SQL of resolved conditions, to be added to others. Its arguments follow those given. A row without a value is in none.
func accepts(conditions []columns.Condition, args []any) (string, []any) {
	var sql strings.Builder
	for _, c := range conditions {
		args = append(args, c.Column)
		value := fmt.Sprintf("(meta ->> $%d::text)", len(args))
		operator := string(c.Operator)
		if operator == string(columns.NotEqual) {
			operator = "<>"
		}
		if c.Type == columns.Double {
			args = append(args, c.Number)
			fmt.Fprintf(&sql, " and %s::float8 %s $%d::float8", value, operator, len(args))
		} else {
			args = append(args, text(c.Value))
			fmt.Fprintf(&sql, " and %s %s $%d::text", value, operator, len(args))
		}
	}
	return sql.String(), args
}

// metaJSON is what the column meta keeps of a row. jsonb has no zero bytes.
func metaJSON(values columns.Values) ([]byte, error) {
	clean := make(columns.Values, len(values))
	for i, d := range values {
		if s, ok := d.Value.(string); ok {
			d.Value = text(s)
		}
		d.Column = text(d.Column)
		clean[i] = d
	}
	return json.Marshal(clean)
}

// readMeta are the further columns of a row; none if it has what clipgo doesn't write.
func readMeta(meta string) columns.Values {
	var out columns.Values
	if json.Unmarshal([]byte(meta), &out) != nil || len(out) == 0 {
		return nil
	}
	return out
}
