package search

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// details is a row of the metadata. clip-retrieval's own files have the first two columns only.
type details struct {
	Path    string `parquet:"image_path"`
	Caption string `parquet:"caption"`
	Size    int64  `parquet:"size"`
	MTime   int64  `parquet:"mtime"` // nanoseconds since 1970
	Hash    string `parquet:"hash"`
	List    string `parquet:"list"` // the table that names the picture; indexes of before don't have it
}

func encodeDetails(rows []details) ([]byte, error) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[details](&b, parquet.CreatedBy("clipgo", "1", ""), parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(rows); err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return b.Bytes(), nil
}

// withDetails opens a metadata file for a moment. The parquet library panics on some damage; that is damage too.
func withDetails(path string, use func(*parquet.GenericReader[details]) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return &CorruptError{path, err.Error()}
	}
	defer f.Close()
	defer func() {
		if p := recover(); p != nil {
			err = &CorruptError{path, fmt.Sprint(p)}
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, st.Size())
	if err != nil {
		return &CorruptError{path, err.Error()}
	}
	for _, column := range []string{"image_path", "caption"} {
		if _, ok := file.Schema().Lookup(column); !ok {
			return &CorruptError{path, "there is no column " + column}
		}
	}
	r := parquet.NewGenericReader[details](file)
	defer r.Close()
	if err := use(r); err != nil {
		return &CorruptError{path, err.Error()}
	}
	return nil
}

func countDetails(path string) (n int, err error) {
	err = withDetails(path, func(r *parquet.GenericReader[details]) error {
		n = int(r.NumRows())
		return nil
	})
	return n, err
}

// readDetails reads single rows, each by its own seek: a search shows few of many. No path, no details.
func (p *part) readDetails(rows []int) ([]details, error) {
	out := make([]details, len(rows))
	if p.details == "" || len(rows) == 0 {
		return out, nil
	}
	return out, withDetails(p.details, func(r *parquet.GenericReader[details]) error {
		if int(r.NumRows()) != p.rows {
			return fmt.Errorf("%d rows, but its segment has %d", r.NumRows(), p.rows)
		}
		for i, row := range rows {
			if err := r.SeekToRow(int64(row)); err != nil {
				return err
			}
			if _, err := readFull(r, out[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// allDetails reads a part's whole metadata.
func (p *part) allDetails() ([]details, error) {
	out := make([]details, p.rows)
	if p.details == "" {
		return out, nil
	}
	return out, withDetails(p.details, func(r *parquet.GenericReader[details]) error {
		if int(r.NumRows()) != p.rows {
			return fmt.Errorf("%d rows, but its segment has %d", r.NumRows(), p.rows)
		}
		_, err := readFull(r, out)
		return err
	})
}

func readFull(r *parquet.GenericReader[details], rows []details) (n int, err error) {
	for n < len(rows) {
		got, err := r.Read(rows[n:])
		n += got
		if n < len(rows) && (err != nil || got == 0) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	return n, nil
}
