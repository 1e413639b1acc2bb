package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// jsonHeaderLines is how many objects say which columns a JSONL table has.
const jsonHeaderLines = 1000

type jsonObject map[string]json.RawMessage

// jsonLines calls row for each line that is not blank, with its object or what is wrong with it, until row is false.
func jsonLines(data []byte, row func(line int64, object jsonObject, bad string) bool) {
	line := int64(0)
	for text := range bytes.Lines(data) {
		line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		var object jsonObject
		bad := ""
		if err := json.Unmarshal(text, &object); err != nil || object == nil {
			bad = "the line is not a JSON object"
		}
		if !row(line, object, bad) {
			return
		}
	}
}

// jsonColumns are the names in the first objects, sorted.
func jsonColumns(data []byte) []string {
	names := map[string]bool{}
	seen := 0
	jsonLines(data, func(_ int64, object jsonObject, _ string) bool {
		for k := range object {
			names[k] = true
		}
		seen++
		return seen < jsonHeaderLines
	})
	return slices.Sorted(maps.Keys(names))
}

// readJSONL reads a table of one object a line. The reason, where not empty, says why it can't be read as a whole.
func readJSONL(data []byte, o Options) (rows []tableRow, chosen tableColumns, reason string) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, chosen, ""
	}
	columns := jsonColumns(data)
	if len(columns) == 0 {
		return nil, chosen, fmt.Sprintf("none of its first %d lines is a JSON object with columns", jsonHeaderLines)
	}
	if chosen, reason = chooseColumns(columns, o); reason != "" {
		return nil, chosen, reason
	}
	jsonLines(data, func(line int64, object jsonObject, bad string) bool {
		row := tableRow{line: line, bad: bad}
		if bad == "" {
			row.fill(object, chosen)
		}
		rows = append(rows, row)
		return true
	})
	return rows, chosen, ""
}

// fill takes the chosen columns of an object.
func (r *tableRow) fill(object jsonObject, c tableColumns) {
	if raw, ok := object[c.image]; ok && json.Unmarshal(raw, &r.image) != nil {
		r.bad = c.image + " is not a text"
	}
	var captions captionList
	if raw, ok := object[c.caption]; ok && json.Unmarshal(raw, &captions) != nil {
		r.bad = c.caption + " is neither a text nor a list of texts"
	}
	r.captions = captions
	raw := object[c.label]
	if number := json.Number(""); json.Unmarshal(raw, &number) == nil && !bytes.HasPrefix(raw, []byte(`"`)) {
		r.label = number.String()
	} else if len(raw) > 0 && json.Unmarshal(raw, &r.label) != nil {
		r.bad = c.label + " is neither a name nor a number"
	}
	r.label = strings.TrimSpace(r.label)
}
