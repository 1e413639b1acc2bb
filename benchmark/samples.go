package benchmark

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// Sample is what became of one sample: a picture of a classification, or a caption of a retrieval.
type Sample struct {
	Index      int     `json:"index"`               // of the picture in the split
	Sample     string  `json:"sample"`              // the picture's name
	Text       string  `json:"text,omitempty"`      // the caption that was asked for
	Label      string  `json:"label,omitempty"`     // the right class
	Predicted  string  `json:"predicted,omitempty"` // the class that was found
	Confidence float64 `json:"confidence,omitempty"`
	Right      bool    `json:"right"`
}

// samplesDir is the folder of the files of samples, below that of the results.
const samplesDir = "samples"

// samplesKind are the limits of a file of samples once it is unpacked.
var samplesKind = bounded.Kind{Name: "the samples of a result", Limit: 16 << 30, Line: 4 << 20, Fault: fault.Data}

func (c Cell) samplesFile(out string) string {
	return filepath.Join(out, samplesDir, c.name()+".jsonl.gz")
}

// writeSamples writes a line of JSON for each sample, packed with gzip. Without samples there is no file.
func (c Cell) writeSamples(out string, samples []Sample) error {
	path := c.samplesFile(out)
	if len(samples) == 0 {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		packed := gzip.NewWriter(w) // its header has no time, so the same samples are the same bytes
		lines := json.NewEncoder(packed)
		lines.SetEscapeHTML(false)
		for _, s := range samples {
			if err := lines.Encode(s); err != nil {
				return err
			}
		}
		return packed.Close()
	})
}

// ReadSamples reads the samples of a cell in a folder of results; none if the cell has no file of them.
func (c Cell) ReadSamples(out string) ([]Sample, error) {
	path := c.samplesFile(out)
	f, err := bounded.Open(path, samplesKind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil, fault.Dataf("%s: it is no gzip file: %v", path, err)
	}
	var samples []Sample
	err = bounded.Scan(unpacked, path, samplesKind, func(n int, line []byte, _ bool) error {
		var s Sample
		if err := json.Unmarshal(line, &s); err != nil {
			return fault.Dataf("%s: line %d: %v", path, n, err)
		}
		samples = append(samples, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return samples, nil
}
