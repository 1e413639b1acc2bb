package describe

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"clipgo/search"
	"clipgo/vision/preprocess"
)

// Index is what is known of an index all of whose files are as they were written.
type Index struct {
	search.Info
	dir string
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
	return Index{Info: ix.Info(), dir: dir}, nil
}

// Lines are the index for people.
func (i Index) Lines() []string {
	out := []string{
		"index        " + i.dir,
		fmt.Sprintf("rows         %d live of %d, in %d segments", i.Live, i.Rows, i.Segments),
		fmt.Sprintf("vectors      %d x %s, %.1f MB", i.Dim, i.DType, float64(i.Bytes)/1e6),
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
