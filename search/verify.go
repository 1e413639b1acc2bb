package search

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// Verify reads the whole index: the digest of each file against meta.json, every number for being finite, every row
// for being of unit length or absent. The first damage is returned as a CorruptError. Opening checks names, sizes and
// shapes only.
func (ix *Folder) Verify() error {
	for _, p := range ix.parts {
		for _, t := range p.tables() {
			if err := t.read(t.verify); err != nil {
				return err
			}
		}
		if _, err := p.allDetails(); err != nil {
			return err
		}
	}
	if ix.space.Fingerprint == "" { // clip-retrieval's folder has no digests
		return nil
	}
	m, _, err := readMeta(ix.dir)
	if err != nil {
		return err
	}
	for _, s := range m.Segments {
		for name, f := range s.Files {
			if err := f.verify(filepath.Join(ix.dir, filepath.FromSlash(name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// verify allows what float16 rounding does to a unit row's length, and twice that.
func (t *table) verify() error {
	const roundoff = 2e-3
	for i := range t.rows {
		var sum float64
		for _, v := range t.row(i) {
			sum += float64(v) * float64(v)
		}
		if length := math.Sqrt(sum); sum != 0 && !(math.Abs(length-1) < roundoff) {
			return &CorruptError{t.path, fmt.Sprintf("row %d has length %v, not 1", i, length)}
		}
	}
	return nil
}

func (f file) verify(path string) error {
	r, err := os.Open(path) // it is mapped already, so it is a regular file; only its hash is kept
	if err != nil {
		return &CorruptError{path, err.Error()}
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return &CorruptError{path, err.Error()}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return &CorruptError{path, "its SHA-256 is not the one that meta.json has"}
	}
	return nil
}
