package benchmark

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the results as a table in Markdown: a row for each model, a column for each data set and task, in percent. A cell
// that isn't there is a dash, one that failed says so.
func (o *Outcome) WriteMarkdown(w io.Writer) error {
	c, _ := o.grid()
	var b strings.Builder
	row := func(cells []string) {
		for i, cell := range cells {
			cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	head, line := []string{"model"}, []string{"---"}
	for _, column := range c.Columns {
		head, line = append(head, fmt.Sprintf("%s, %s", column.Data, column.Metric)), append(line, "---:")
	}
	row(head)
	row(line)
	for i, m := range c.Models {
		cells := []string{m.Name}
		for j := range c.Columns {
			text := "-"
			switch cell := c.Cells[i][j]; {
			case cell == nil:
			case cell.Error != "":
				text = "failed"
			case cell.Value == nil:
				text = "not defined"
			default:
				text = fmt.Sprintf("%.2f", 100**cell.Value)
			}
			cells = append(cells, text)
		}
		row(cells)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
