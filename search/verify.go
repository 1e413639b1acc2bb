package search

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math"

	"clipgo/internal/parallel"
)

// Verify reads the whole index: the digest of each file against meta.json, every number for being finite, every row
// for being of unit length or absent. The first damage is returned as a CorruptError. Opening checks names, sizes and
// shapes only.
func (ix *Folder) Verify() error {
	for _, p := range ix.parts {
		if err := p.verifyDigests(); err != nil {
			return err
		}
		for _, t := range p.tables() {
			if err := t.read(t.verify); err != nil {
				return err
			}
			if err := t.codes.verify(); err != nil {
				return err
			}
			if err := t.bits.verify(); err != nil {
				return err
			}
		}
		if err := p.eachDetails(func(int, details) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// verifyDigests reads the part's files, each on its own core, and compares their digests with those of meta.json. A folder of
// clip-retrieval's has none.
func (p *part) verifyDigests() error {
	var paths []string
	var contents [][]byte
	for _, t := range p.tables() {
		paths, contents = append(paths, t.path), append(contents, t.data)
	}
	if p.details != nil {
		paths, contents = append(paths, p.details.path), append(contents, p.details.data)
	}
	errs := make([]error, len(paths))
	parallel.Workers(len(paths), len(paths), func(_ int, mine iter.Seq[int]) {
		for i := range mine {
			if want, ok := p.digests[paths[i]]; ok {
				errs[i] = verifyDigest(paths[i], contents[i], want)
			}
		}
	})
	return cmp.Or(errs...)
}

// verifyDigest compares a mapped file's SHA-256.
func verifyDigest(path string, data []byte, want string) error {
	return guarded(path, func() error {
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			return &CorruptError{path, "its SHA-256 is not the one that meta.json has"}
		}
		return nil
	})
}

// roundoff is twice what float16 rounding does to a unit row's length.
const roundoff = 2e-3

// verify allows what float16 rounding does to a unit row's length, and twice that.
func (t *table) verify() error {
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
