package datasets

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"clipgo/datasets/table"
)

// judgement is a judged pair of a row, or the reason why the row can't be used.
type judgement struct {
	line      int64
	shared    string
	sides     [2]string
	preferred float64 // share of the first side, 0 to 1
	bad       string  // why the pair can't be used
}

// read takes the judgements from a row: one, or one for each judged pair of a list.
func (c preferenceColumns) read(row table.Row) []judgement {
	base := judgement{line: row.Line}
	if row.Bad != "" {
		return base.refused(row.Bad)
	}
	shared, err := textCell(row, c.shared)
	base.shared = shared
	switch {
	case err != nil:
		return base.refused(err.Error())
	case strings.TrimSpace(shared) == "":
		return base.refused(c.shared + " is empty")
	case c.second == "":
		return c.readList(base, row)
	}
	if base.preferred, err = c.share(row); err != nil {
		return base.refused(err.Error())
	}
	for i, name := range []string{c.first, c.second} {
		if base.sides[i], err = textCell(row, name); err != nil {
			return base.refused(err.Error())
		}
	}
	return []judgement{base.checked(c)}
}

func (j judgement) refused(reason string) []judgement {
	j.bad = reason
	return []judgement{j}
}

// checked refuses a pair without two different sides.
func (j judgement) checked(c preferenceColumns) judgement {
	a, b := strings.TrimSpace(j.sides[0]), strings.TrimSpace(j.sides[1])
	switch {
	case a == "" && b == "":
		j.bad = "the row has neither side of a pair"
	case a == "" || b == "":
		j.bad = "no partner: the row has only one of the " + c.form.String()
	case a == b:
		j.bad = "equal items: the " + c.form.String() + " are the same"
	}
	return j
}

// share is the first side's share of the judgement, 0 to 1.
func (c preferenceColumns) share(row table.Row) (float64, error) {
	if len(c.judged) == 0 {
		return 1, nil
	}
	var labels []float64
	for _, name := range c.judged {
		v, err := numeral(row, name)
		if err != nil {
			return 0, err
		}
		labels = append(labels, v)
	}
	if len(labels) == 1 {
		if labels[0] > 1 {
			return 0, fmt.Errorf("%s is %g, more than 1", c.judged[0], labels[0])
		}
		return labels[0], nil
	}
	if labels[0]+labels[1] == 0 {
		return 0, fmt.Errorf("neither side is preferred: %s and %s are 0", c.judged[0], c.judged[1])
	}
	return labels[0] / (labels[0] + labels[1]), nil
}

// readList makes pairs of a list of sides, which are judged by ranks (1 is the best) or by votes.
func (c preferenceColumns) readList(base judgement, row table.Row) (out []judgement) {
	var sides []string
	var values []float64
	judge := c.judged[0]
	if !row.Value(c.first).List(&sides) || len(sides) == 0 {
		return base.refused(c.first + " is not a list of texts")
	}
	if !row.Value(judge).List(&values) || len(values) != len(sides) {
		return base.refused(fmt.Sprintf("%s is not a list of as many numbers as %s has items", judge, c.first))
	}
	if len(sides) == 1 {
		return base.refused("no partner: the list has one item")
	}
	for i := range sides {
		for k := i + 1; k < len(sides); k++ {
			if values[i] == values[k] && judge != "rank" && len(sides) > 2 {
				continue // neither was chosen: they were not compared
			}
			j := base
			j.sides, j.preferred = [2]string{sides[i], sides[k]}, versus(values[i], values[k])
			if judge == "rank" {
				j.preferred = 1 - j.preferred
			}
			out = append(out, j.checked(c))
		}
	}
	if len(out) == 0 {
		return base.refused("nothing is preferred: all of " + judge + " are equal")
	}
	return out
}

// versus is 1 if a > b, 0.5 if they are equal, else 0.
func versus(a, b float64) float64 {
	switch {
	case a > b:
		return 1
	case a < b:
		return 0
	}
	return 0.5
}

// textCell is the text of a cell; empty if the column is absent.
func textCell(row table.Row, name string) (string, error) {
	text, ok := row.Value(name).Text()
	if !ok || row.Value(name).IsList() {
		return "", fmt.Errorf("%s is not a text", name)
	}
	return strings.ToValidUTF8(text, "\uFFFD"), nil
}

// numeral is a cell that holds a number >= 0, as a number or as a text.
func numeral(row table.Row, name string) (float64, error) {
	cell := row.Value(name).Number()
	if cell == "" {
		return 0, fmt.Errorf("no judgement: %s is empty", name)
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0, fmt.Errorf("%s is %s, not a number from 0 on", name, cell)
	}
	return v, nil
}
