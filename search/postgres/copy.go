package postgres

import (
	"encoding/binary"
	"io"
	"math"
	"time"

	"clipgo/internal/half"
	"clipgo/internal/paths"
	"clipgo/search"
	"clipgo/search/columns"
)

// itemColumns are the columns that copier writes, in its order.
const itemColumns = "segment, row, path, caption, size, mtime, hash, taken, camera, latitude, longitude, meta, image, text"

// copier gives the rows of a segment as COPY reads them in binary (the PostgreSQL manual, COPY, "Binary Format").
type copier struct {
	segment int
	single  bool // features are vector, not halfvec
	next    func() (search.Record, error, bool)

	buf     []byte
	rest    []byte // of buf, not read yet
	started bool
	done    bool
	rows    int64
	failed  error // of next: the database hears of it, and answers with an error of its own
}

var _ io.Reader = (*copier)(nil)

// copyBytes is how much is encoded at a time.
const copyBytes = 64 << 10

func (c *copier) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.done {
			return 0, io.EOF
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *copier) fill() error {
	c.buf = c.buf[:0]
	if !c.started {
		c.buf = append(c.buf, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		c.started = true
	}
	for len(c.buf) < copyBytes && !c.done {
		r, err, ok := c.next()
		switch {
		case err != nil:
			c.failed = err
			return err
		case !ok:
			c.buf = append(c.buf, 0xff, 0xff)
			c.done = true
		default:
			c.row(r)
			c.rows++
		}
	}
	c.rest = c.buf
	return nil
}

func (c *copier) row(r search.Record) {
	c.buf = binary.BigEndian.AppendUint16(c.buf, 14)
	c.int32(c.segment)
	c.int32(r.Row)
	c.text(paths.Text(r.Path))
	c.text(r.Caption)
	c.int64(r.Size)
	if r.MTime == 0 {
		c.null()
	} else {
		c.int64(microseconds(time.Unix(0, r.MTime)))
	}
	c.text(r.Hash)
	c.facts(r.Facts)
	c.meta(r.Metadata)
	c.vector(r.Image)
	c.vector(r.Text)
}

// facts writes what EXIF says; null where it doesn't.
func (c *copier) facts(f *search.Facts) {
	if f == nil {
		f = &search.Facts{}
	}
	if f.Taken == 0 {
		c.null()
	} else {
		c.int64(microseconds(time.Unix(0, f.Taken)))
	}
	if f.Camera == "" {
		c.null()
	} else {
		c.text(f.Camera)
	}
	for _, degrees := range []float64{f.Latitude, f.Longitude} {
		if !f.Located() {
			c.null()
			continue
		}
		c.size(8)
		c.buf = binary.BigEndian.AppendUint64(c.buf, math.Float64bits(degrees))
	}
}

// meta writes further columns as jsonb, whose binary form is a version and the text.
func (c *copier) meta(values columns.Values) {
	data, err := metaJSON(values)
	if err != nil { // which texts and finite numbers are not
		data = []byte("{}")
	}
	c.size(1 + len(data))
	c.buf = append(append(c.buf, 1), data...)
}

// microseconds since 2000, as PostgreSQL counts time.
func microseconds(t time.Time) int64 {
	const to2000 = 946684800 * 1e6
	return t.UnixMicro() - to2000
}

func (c *copier) size(n int) { c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(n)) }

func (c *copier) null() { c.size(-1) }

func (c *copier) int32(v int) {
	c.size(4)
	c.size(v)
}

func (c *copier) int64(v int64) {
	c.size(8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(v))
}

func (c *copier) text(s string) {
	s = text(s)
	c.size(len(s))
	c.buf = append(c.buf, s...)
}

// vector writes a feature as pgvector reads it: the number of entries, a zero, and the entries.
func (c *copier) vector(v []float32) {
	entry := 2
	if c.single {
		entry = 4
	}
	if v == nil {
		c.null()
		return
	}
	c.size(4 + entry*len(v))
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(v)))
	c.buf = append(c.buf, 0, 0)
	at := len(c.buf)
	c.buf = append(c.buf, make([]byte, entry*len(v))...)
	to := c.buf[at:]
	for i, x := range v {
		if c.single {
			binary.BigEndian.PutUint32(to[4*i:], math.Float32bits(x))
		} else {
			binary.BigEndian.PutUint16(to[2*i:], half.ToFloat16(x))
		}
	}
}
