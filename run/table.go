package run

import (
	"fmt"
	"math"
	"strings"

	"clipgo/eval"
)

// table is the last evaluation for people: a row for each value, with the value of guessing and, of fractions that were better before,
// the best and its step.
func (v *validation) table() []string {
	last := v.lastEvaluation()
	if len(last.Values) == 0 {
		return nil
	}
	rows := [][]string{{fmt.Sprintf("evaluation at step %d", last.Step), "value", "chance", "best"}}
	for _, value := range last.Values {
		if math.IsNaN(value.Value) {
			rows = append(rows, []string{value.Name, "-", "", ""})
			continue
		}
		if value.Unit != eval.Fraction {
			rows = append(rows, []string{value.Name, fmt.Sprintf("%.4f", value.Value), "", ""})
			continue
		}
		row := []string{value.Name, percent(value.Value), "", ""}
		if value.Chance > 0 {
			row[2] = percent(value.Chance)
		}
		if best, step := v.best(value); best != value.Value {
			row[3] = fmt.Sprintf("%s at step %d", percent(best), step)
		}
		rows = append(rows, row)
	}
	return aligned(rows)
}

// best is the best one of a value over the whole run, and the first step that had it.
func (v *validation) best(of eval.Value) (best float64, step int) {
	g := goal{name: of.Name, min: of.LowerIsBetter()}
	best = math.NaN()
	for _, e := range v.history {
		if value, ok := eval.Find(e.Values, of.Name); ok && g.better(value.Value, best, 0) {
			best, step = value.Value, e.Step
		}
	}
	return best, step
}

// plain is a number as JSON can have it: nil if it isn't finite.
func plain(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

func percent(fraction float64) string { return fmt.Sprintf("%.2f %%", 100*fraction) }

// aligned joins the cells of rows to lines: the first column is aligned to the left, the others to the right. A column of which only the
// heading is filled is left out.
func aligned(rows [][]string) []string {
	lines := make([]string, len(rows))
	for column := range rows[0] {
		width, filled := 0, column == 0
		for i, row := range rows {
			width = max(width, len(row[column]))
			filled = filled || i > 0 && row[column] != ""
		}
		for i, row := range rows {
			switch {
			case !filled:
			case column == 0:
				lines[i] = fmt.Sprintf("  %-*s", width, row[column])
			default:
				lines[i] += fmt.Sprintf("   %*s", width, row[column])
			}
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}
