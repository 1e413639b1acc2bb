package search

import (
	"path/filepath"
	"strings"

	"clipgo/internal/quantized"
)

// codes are a table's rows in 8 bits an entry. A search reads them in place of the table, and the table only where they don't decide: it is
// as exact without them.
type codes = sideFile[quantized.Rows]

var codesForm = sideForm[quantized.Rows]{quantized.Decode, quantized.Verify}

// codesFile is the name of the codes of a table.
func codesFile(name string) string {
	base := filepath.Base(name)
	return "codes/" + base[:len(base)-len(filepath.Ext(base))] + ".i8"
}

// bitsFile is the name of the 1-bit codes of a table.
func bitsFile(name string) string { return strings.TrimSuffix(codesFile(name), ".i8") + ".b1" }

// writeCodes writes the codes of a table.
func (w *Writer) writeCodes(name string, rows []float32, digest string) error {
	if w.meta.Dim > quantized.MaxDim {
		return nil
	}
	return w.writeSide(codesFile(name), digest, quantized.New(rows, w.meta.Dim).Encode)
}
