package search

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"clipgo/internal/mapped"
	"clipgo/internal/quantized"
)

// codes are a table's rows in 8 bits an entry, in a file beside the index's own. A search reads them in place of the table, and the table
// only where they don't decide. They can be lost: the search is as exact without them, and the next writer makes them again. meta.json
// doesn't name them; the file names the digest of the table that it was made from.
type codes struct {
	path string
	data []byte
	rows *quantized.Rows
}

// codesFile is the name of the codes of a table.
func codesFile(name string) string {
	base := filepath.Base(name)
	return "codes/" + base[:len(base)-len(filepath.Ext(base))] + ".i8"
}

// bitsFile is the name of the 1-bit codes of a table.
func bitsFile(name string) string { return strings.TrimSuffix(codesFile(name), ".i8") + ".b1" }

// openCodes maps the codes of a table; nil where there are none that fit.
func openCodes(path string, t *table, digest string) (*codes, error) {
	source, ok := parseDigest(digest)
	if !ok {
		return nil, nil
	}
	data, err := mapped.Open(path)
	if err != nil {
		return nil, nil // whatever it is: the table is there
	}
	c := &codes{path: path, data: data}
	var unfit error
	err = guarded(path, func() error {
		c.rows, unfit = quantized.Decode(data, source, t.rows, t.dim)
		return nil
	})
	if err != nil || unfit != nil {
		return nil, mapped.Close(data)
	}
	return c, nil
}

func parseDigest(text string) (d quantized.Digest, ok bool) {
	n, err := hex.Decode(d[:], []byte(text))
	return d, err == nil && n == len(d)
}

func (c *codes) close() error {
	if c == nil {
		return nil
	}
	data := c.data
	c.data, c.rows = nil, nil
	return mapped.Close(data)
}

// verify compares the file with its own digest.
func (c *codes) verify() error {
	return guarded(c.path, func() error {
		if err := quantized.Verify(c.data); err != nil {
			return &CorruptError{c.path, "its SHA-256 is not the one that it has: delete it, and the next embed makes it again"}
		}
		return nil
	})
}

// encodeCodes makes the content of a codes file. digest is that of the table's file.
func encodeCodes(rows []float32, dim int, digest string) ([]byte, error) {
	source, ok := parseDigest(digest)
	if !ok {
		return nil, fmt.Errorf("%q is not a SHA-256", digest)
	}
	return quantized.New(rows, dim).Encode(source), nil
}
