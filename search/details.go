package search

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/mapped"
	"clipgo/internal/paths"
	"clipgo/search/columns"
)

// details is a row of the metadata. clip-retrieval's own files have at most the first two columns. Strings of Parquet are UTF-8: a
// path that is not is written as its file: URI, as paths.Text says.
type details struct {
	Path    string `parquet:"image_path"`
	Caption string `parquet:"caption"`
	Size    int64  `parquet:"size"`
	MTime   int64  `parquet:"mtime"` // nanoseconds since 1970
	Hash    string `parquet:"hash"`
	List    string `parquet:"list"` // the table that names the picture; indexes of before don't have it

	// Facts of the picture's file, which indexes of before don't have. Looked: they were looked for.
	Camera    string  `parquet:"camera,optional"`
	Taken     int64   `parquet:"taken,optional"` // nanoseconds since 1970
	Latitude  float64 `parquet:"latitude,optional"`
	Longitude float64 `parquet:"longitude,optional"`
	Looked    bool    `parquet:"exif,optional"`

	Columns columns.Values `parquet:"-"` // of the further columns, which have a schema of their own
}

// ownColumns are those of details.
var ownColumns = []string{"image_path", "caption", "size", "mtime", "hash", "list", "camera", "taken", "latitude", "longitude", "exif"}

// facts are nil if nobody looked for them.
func (d details) facts() *Facts {
	if !d.Looked {
		return nil
	}
	f := Facts{d.Camera, d.Taken, d.Latitude, d.Longitude}.sane()
	return &f
}

// known are the facts, of which there may be none.
func (d details) known() (f Facts) {
	if looked := d.facts(); looked != nil {
		f = *looked
	}
	return f
}

// detailsOf describes the file of a row.
func detailsOf(f File) details {
	d := details{Path: f.Path, Caption: f.Caption, Size: f.Size, MTime: f.MTime, Hash: f.Hash, List: f.List, Columns: f.Metadata.Over(nil)}
	if f.Facts != nil {
		known := f.Facts.sane()
		d.Camera, d.Taken, d.Latitude, d.Longitude, d.Looked = known.Camera, known.Taken, known.Latitude, known.Longitude, true
	}
	return d
}

// encodeDetails changes the rows to what it writes. Without further columns the bytes are those of an index that has none.
func encodeDetails(rows []details, further []columns.Column) ([]byte, error) {
	var b bytes.Buffer
	for i := range rows {
		rows[i].Path, rows[i].List = paths.Text(rows[i].Path), paths.Text(rows[i].List)
		rows[i].Caption = strings.ToValidUTF8(rows[i].Caption, "\ufffd")
	}
	options := []parquet.WriterOption{parquet.CreatedBy("clipgo", "1", ""), parquet.Compression(&parquet.Snappy)}
	var err error
	if len(further) > 0 {
		err = encodeFurther(&b, rows, further, options)
	} else {
		w := parquet.NewGenericWriter[details](&b, options...)
		_, err = w.Write(rows)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return b.Bytes(), nil
}

// metadata is a mapped parquet file with the details of a segment's rows. A mapping outlives the file's name, so that an
// index stays whole while a writer drops its segments.
type metadata struct {
	path    string
	data    []byte
	checked atomic.Bool // what its pages claim
}

func openMetadata(path string) (*metadata, error) {
	data, err := mapped.Open(path)
	if errors.Is(err, mapped.ErrNotRegular) || errors.Is(err, fs.ErrNotExist) {
		return nil, &CorruptError{path, err.Error()}
	}
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	return &metadata{path: path, data: data}, nil
}

func (m *metadata) close() error {
	data := m.data
	m.data = nil
	return mapped.Close(data)
}

// read hands a reader of the rows to use. The parquet library panics on some damage; that is damage too.
func (m *metadata) read(use func(*detailsReader) error) error {
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
		if err := checkFooter(m.data); err != nil {
			return &CorruptError{m.path, err.Error()}
		}
		file, err := parquet.OpenFile(bytes.NewReader(m.data), int64(len(m.data)))
		if err != nil {
			return &CorruptError{m.path, err.Error()}
		}
		_, images := file.Schema().Lookup("image_path")
		_, captions := file.Schema().Lookup("caption")
		if !images && !captions { // clip-retrieval leaves out what its source has not
			return &CorruptError{m.path, "there is no column image_path, and none of captions"}
		}
		further := columns.In(file.Schema(), ownColumns)
		if !m.checked.Load() {
			if err := checkPages(file, m.data, further); err != nil {
				return &CorruptError{m.path, err.Error()}
			}
			m.checked.Store(true)
		}
		r := newDetailsReader(file, further)
		defer r.Close()
		if err := use(r); err != nil {
			return &CorruptError{m.path, err.Error()}
		}
		return nil
	})
}

func (m *metadata) count() (n int, err error) {
	err = m.read(func(r *detailsReader) error {
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
	return out, p.details.read(func(r *detailsReader) error {
		if err := p.fitsDetails(r); err != nil {
			return err
		}
		for i, row := range rows {
			if err := r.seek(int64(row)); err != nil {
				return err
			}
			if err := r.full(out[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachDetails reads a part's whole metadata, some rows at a time: the number of rows alone takes no memory. Without metadata there
// are none.
func (p *part) eachDetails(use func(row int, d details) error) error {
	if p.details == nil {
		return nil
	}
	chunk := make([]details, min(p.rows, 1024))
	return p.details.read(func(r *detailsReader) error {
		if err := p.fitsDetails(r); err != nil {
			return err
		}
		for row := 0; row < p.rows; row += len(chunk) {
			chunk = chunk[:min(len(chunk), p.rows-row)]
			clear(chunk)
			if err := r.full(chunk); err != nil {
				return err
			}
			for i, d := range chunk {
				if err := use(row+i, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (p *part) fitsDetails(r *detailsReader) error {
	if r.NumRows() != int64(p.rows) {
		return fmt.Errorf("%d rows, but its segment has %d", r.NumRows(), p.rows)
	}
	return nil
}
