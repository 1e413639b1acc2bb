package search

import "path/filepath"

// damage is a segment that can't be used. Its rows have to be embedded again.
type damage struct {
	segment segment
	reason  *CorruptError
	paths   []string // of its live rows; nil where not even these can be read
}

// OpenRepair is OpenWriter that leaves out the segments of damaged files, and says what is wrong with each. The next commit drops
// them from the index. Nothing helps where meta.json is damaged: that is an error still.
func OpenRepair(dir string) (*Writer, []error, error) {
	w, err := openWriter(dir, true)
	if err != nil {
		return nil, nil, err
	}
	var found []error
	for _, d := range w.damaged {
		w.lost.rows += d.segment.Rows - len(d.segment.Dead)
		w.lost.paths = append(w.lost.paths, d.paths...)
		found = append(found, d.reason)
	}
	return w, found, nil
}

// lost is what a repair left out.
type lost struct {
	rows  int
	paths []string
}

// Lost is how many rows a repair left out, how many of those are back in the index, and the paths of those that are not. Rows whose
// paths could not be read count as not back, and have none.
func (w *Writer) Lost() (rows, back int, missing []string) {
	for _, path := range w.lost.paths {
		if !w.Has(path) {
			missing = append(missing, path)
		}
	}
	return w.lost.rows, len(w.lost.paths) - len(missing), missing
}

// damageOf describes a damaged segment. The paths of its rows are taken only from a file with the right SHA-256.
func (w *Writer) damageOf(s segment, reason *CorruptError) damage {
	out := damage{segment: s, reason: reason}
	name := rowsFile(s.Number)
	m, err := openMetadata(filepath.Join(w.dir, filepath.FromSlash(name)))
	if err != nil {
		return out
	}
	defer m.close()
	if verifyDigest(m.path, m.data, s.Files[name].SHA256) != nil {
		return out
	}
	p := &part{rows: s.Rows, details: m, dead: deadRows(s)}
	var paths []string
	err = p.eachDetails(func(row int, d details) error {
		if !p.dead[row] {
			paths = append(paths, d.Path)
		}
		return nil
	})
	if err == nil {
		out.paths = paths
	}
	return out
}
