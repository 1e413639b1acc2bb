package benchmark

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"clipgo/eval"
)

// Part is the result of some samples of a cell: of one kind of a selection, such as a tag of Winoground, or of one group of a
// classification.
type Part struct {
	By     string       `json:"by"` // kind, or the property of a group
	Name   string       `json:"name"`
	N      int          `json:"n"`
	Values []PartMetric `json:"values"`
}

// PartMetric is a value of a part; it is nil where it isn't defined.
type PartMetric struct {
	Key   string   `json:"key"`
	Value *float64 `json:"value"`
}

// Parts are those of an entry, in the order of its details; none if its samples have no kinds and no groups.
func (e Entry) Parts() (out []Part) {
	for _, k := range detail[KindResults](e, "kinds") {
		out = append(out, Part{"kind", k.Kind, k.N, []PartMetric{{"acc", &k.Both}, {"text_acc", &k.Text}, {"image_acc", &k.Image}}})
	}
	for _, g := range detail[GroupResults](e, "groups") {
		for _, one := range g.Groups {
			out = append(out, Part{g.Name, strconv.Itoa(one.Group), one.N, []PartMetric{{"acc1", &one.Top1}, {"acc5", one.Top5}}})
		}
	}
	return out
}

// detail is a part of the details as its type, whether it was just measured or read from a file; empty if it is something else.
func detail[T any](e Entry, key string) (out T) {
	data, err := json.Marshal(e.Details.More[key])
	if err == nil {
		_ = json.Unmarshal(data, &out) // what another version wrote is left out
	}
	return out
}

// partLines are an entry's kinds and the worst groups by each property, a line each.
func partLines(e Entry) (lines []string) {
	line := func(name string, n int, key string, v float64) {
		lines = append(lines, fmt.Sprintf("  %-30s %s %6.2f %%, %d samples", name, key, 100*v, n))
	}
	for _, k := range detail[KindResults](e, "kinds") {
		line(k.Kind, k.N, "acc", k.Both)
	}
	for _, g := range detail[GroupResults](e, "groups") {
		worst := eval.GroupResult{Top1: 2}
		for _, one := range g.Groups {
			if one.Top1 < worst.Top1 {
				worst = one
			}
		}
		line(fmt.Sprintf("worst %s: %d", g.Name, worst.Group), worst.N, "acc1", worst.Top1)
	}
	return lines
}

// PartsFile is the table of kinds and groups.
const PartsFile = "parts.csv"

// WriteParts writes a row for each value of each kind and group: CLIP_benchmark's table has no place for them.
func (o *Outcome) WriteParts(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"dataset", "model", "pretrained", "task", "language", "by", "name", "n", "metric", "value"}}
	for _, e := range o.Entries {
		r := e.Result
		for _, p := range e.Parts() {
			for _, v := range p.Values {
				value := ""
				if v.Value != nil {
					value = strconv.FormatFloat(*v.Value, 'g', -1, 64)
				}
				rows = append(rows, []string{
					r.Dataset, r.Model, r.Pretrained, r.Task, r.Language, p.By, p.Name, strconv.Itoa(p.N), v.Key, value,
				})
			}
		}
	}
	return out.WriteAll(rows)
}
