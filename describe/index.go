package describe

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"clipgo/search"
	"clipgo/search/columns"
	"clipgo/vision/preprocess"
)

// Index is what is known of an index all of whose files are as they were written.
type Index struct {
	search.Info
	Columns []columns.Column `json:"columns,omitempty"` // the further ones
	dir     string
}

func openIndex(dir string) (_ Description, err error) {
	ix, err := search.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if err := ix.Verify(); err != nil {
		return nil, err
	}
	further, err := ix.Columns()
	return Index{Info: ix.Info(), Columns: further, dir: dir}, err
}

// Lines are the index for people.
func (i Index) Lines() []string {
	out := []string{
		"index        " + i.dir,
		fmt.Sprintf("rows         %d live of %d, in %d segments", i.Live, i.Rows, i.Segments),
		fmt.Sprintf("vectors      %d x %s, %.1f MB", i.Dim, i.DType, float64(i.Bytes)/1e6),
	}
	if len(i.Columns) > 0 {
		var names []string
		for _, c := range i.Columns {
			names = append(names, c.String())
		}
		out = append(out, "columns      "+strings.Join(names, ", "))
	}
	if b := i.OneBit; b != nil {
		out = append(out, fmt.Sprintf("1-bit codes  find %.4f of the ten best rows", b.At10))
	}
	out = append(out,
		"model        "+cmp.Or(i.Model, "unknown"),
		"fingerprint  "+cmp.Or(i.Fingerprint, "unknown"))
	p := preprocess.Default()
	if len(i.Preprocess) == 0 || json.Unmarshal(i.Preprocess, &p) != nil {
		return out
	}
	turned := map[bool]string{true: "applied", false: "ignored"}[p.Orientation == preprocess.OrientationApply]
	return append(out, fmt.Sprintf("pictures     %s, EXIF orientation %s", p.Summary(), turned))
}
