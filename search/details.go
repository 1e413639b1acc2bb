package search

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/mapped"
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

// metadata is a mapped parquet file with the details of a segment's rows. A mapping outlives the file's name, so that an
// index stays whole while a writer drops its segments.
type metadata struct {
	path string
	data []byte
}

func openMetadata(path string) (*metadata, error) {
	data, err := mapped.Open(path)
	if err != nil {
		return nil, &CorruptError{path, err.Error()}
	}
	return &metadata{path, data}, nil
}

func (m *metadata) close() error {
	data := m.data
	m.data = nil
	return mapped.Close(data)
}

// read hands a reader of the rows to use. The parquet library panics on some damage; that is damage too.
func (m *metadata) read(use func(*parquet.GenericReader[details]) error) error {
	return guarded(m.path, func() (err error) {
		defer func() {
			p := recover()
			if _, fault := p.(interface{ Addr() uintptr }); fault {
				panic(p) // guarded's
			}
			if p != nil {
				err = &CorruptError{m.path, fmt.Sprint(p)}
			}
		}()
		file, err := parquet.OpenFile(bytes.NewReader(m.data), int64(len(m.data)))
		if err != nil {
			return &CorruptError{m.path, err.Error()}
		}
		for _, column := range []string{"image_path", "caption"} {
			if _, ok := file.Schema().Lookup(column); !ok {
				return &CorruptError{m.path, "there is no column " + column}
			}
		}
		r := parquet.NewGenericReader[details](file)
		defer r.Close()
		if err := use(r); err != nil {
			return &CorruptError{m.path, err.Error()}
		}
		return nil
	})
}

func (m *metadata) count() (n int, err error) {
	err = m.read(func(r *parquet.GenericReader[details]) error {
		n = int(r.NumRows())
		return nil
	})
	return n, err
}

// readDetails reads single rows, each by its own seek: a search shows few of many. Without metadata they are empty.
func (p *part) readDetails(rows []int) ([]details, error) {
	out := make([]details, len(rows))
	if p.details == nil || len(rows) == 0 {
		return out, nil
	}
	return out, p.details.read(func(r *parquet.GenericReader[details]) error {
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
	if p.details == nil {
		return out, nil
	}
	return out, p.details.read(func(r *parquet.GenericReader[details]) error {
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
