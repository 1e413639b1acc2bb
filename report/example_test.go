package report_test

import (
	"bytes"
	"fmt"
	"strings"

	"clipgo/report"
	"clipgo/training/record"
)

// A training's loss as a page with one chart.
func ExampleWrite() {
	rows := []record.Row{{Step: 1, Loss: 3.4}, {Step: 2, Loss: 2.9}, {Step: 3, Loss: 2.1}}
	var page bytes.Buffer
	err := report.Write(&page, report.Run{Title: "Shapes", Subtitle: "ViT-Nano-16-64", BatchSize: 32, Rows: rows})
	fmt.Println(err, strings.Contains(page.String(), "<svg"), strings.Contains(page.String(), "<script"))
	// Output: <nil> true false
}
