package parquet

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// File is what the footer of a file says.
type File struct {
	Rows     int64
	Columns  []Column          // those that hold values, in the file's order
	Metadata map[string]string // what writers add, such as "huggingface"
	Digest   [sha256.Size]byte // of the footer; it changes with the sizes and statistics of the columns

	groups []group
	leaves []leaf // one for each of Columns
}

// group is a row group.
type group struct {
	first, rows int64
	chunks      []chunk // one for each column
}

// chunk is a column of a row group: pages that follow each other.
type chunk struct {
	at, size int64 // in the file
	codec    format.CompressionCodec
}

const (
	magic       = "PAR1"
	encrypted   = "PARE"
	tail        = 8         // length of the footer, and magic
	footerLimit = 256 << 20 // bytes; those of files with thousands of row groups have some megabytes
)

// Open reads the footer of a file of a size. An error says in one line why the file can't be read.
func Open(file io.ReaderAt, size int64) (*File, error) {
	footer, err := readFooter(file, size)
	if err != nil {
		return nil, err
	}
	f := &File{Metadata: map[string]string{}, Digest: sha256.Sum256(footer)}
	p := footerParser{file: f, compact: compact{data: footer}, end: size - tail - int64(len(footer))}
	if p.parse(); p.err != nil {
		return nil, fmt.Errorf("its footer can't be read: %w", p.err)
	}
	return f, nil
}

func readFooter(file io.ReaderAt, size int64) ([]byte, error) {
	var end [tail]byte
	head := end[:len(magic)]
	if size < int64(len(magic)+tail) {
		return nil, fmt.Errorf("it is not a Parquet file: it has %d bytes", size)
	}
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if string(head) != magic {
		return nil, wrongStart(head)
	}
	if _, err := file.ReadAt(end[:], size-tail); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(end[4:]) != magic {
		return nil, errors.New("it is cut short: Parquet's footer is missing")
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if length > size-tail-int64(len(magic)) || length > footerLimit {
		return nil, fmt.Errorf("its footer claims %d bytes in a file of %d", length, size)
	}
	footer := make([]byte, length)
	_, err := file.ReadAt(footer, size-tail-length)
	return footer, err
}

// wrongStart says what a file that isn't Parquet may be.
func wrongStart(head []byte) error {
	switch {
	case string(head) == encrypted:
		return errors.New("it is encrypted")
	case head[0] == '<':
		return errors.New("it is not a Parquet file; it looks like an HTML page")
	case string(head) == "vers":
		return errors.New("it is not a Parquet file; it looks like a pointer of Git LFS: run git lfs pull")
	case string(head) == "ARRO":
		return errors.New("it is an Arrow file, which isn't read; write it as Parquet")
	}
	return fmt.Errorf("it is not a Parquet file: it begins with %q", head)
}

// footerParser reads a footer into a File.
type footerParser struct {
	compact
	file   *File
	schema []node
	end    int64 // of the bytes before the footer
}

func (p *footerParser) parse() {
	rows := int64(-1)
	p.fields(func(id int, kind byte) {
		switch id {
		case 2:
			p.structs(p.node)
		case 3:
			rows = p.int()
		case 4:
			p.columns()
			p.structs(p.group)
		case 5:
			p.structs(p.pair)
		default:
			p.skip(kind)
		}
	})
	if p.err == nil && (p.file.leaves == nil || rows != p.file.Rows) {
		p.fail(fmt.Errorf("it counts %d rows, its row groups %d", rows, p.file.Rows))
	}
}

// columns makes the columns of the schema, which comes before the row groups.
func (p *footerParser) columns() {
	if p.err != nil || p.file.leaves != nil {
		return
	}
	if err := p.file.readSchema(p.schema); err != nil {
		p.fail(err)
	}
}

// pair reads a name and its value.
func (p *footerParser) pair() {
	var key, value string
	p.fields(func(id int, kind byte) {
		switch id {
		case 1:
			key = p.text()
		case 2:
			value = p.text()
		default:
			p.skip(kind)
		}
	})
	p.file.Metadata[key] = value
}

func (p *footerParser) group() {
	g := group{first: p.file.Rows, chunks: make([]chunk, 0, len(p.file.leaves))}
	p.fields(func(id int, kind byte) {
		switch id {
		case 1:
			p.structs(func() { g.chunks = append(g.chunks, p.chunk()) })
		case 3:
			g.rows = p.int()
		default:
			p.skip(kind)
		}
	})
	const most = 1 << 40 // rows
	if g.rows < 0 || g.rows > most || len(g.chunks) != len(p.file.leaves) {
		p.fail(fmt.Errorf("a row group has %d rows and %d columns, the schema %d", g.rows, len(g.chunks), len(p.file.leaves)))
		return
	}
	p.file.groups = append(p.file.groups, g)
	p.file.Rows += g.rows
}

func (p *footerParser) chunk() chunk {
	c := chunk{size: -1}
	var elsewhere bool
	p.fields(func(id int, kind byte) {
		switch id {
		case 1:
			elsewhere = len(p.bytes()) > 0
		case 3:
			p.chunkDetails(&c)
		default:
			p.skip(kind)
		}
	})
	switch {
	case elsewhere:
		p.fail(errors.New("its columns are in other files"))
	case c.size < 0:
		p.fail(errors.New("a column is encrypted, or has no description"))
	case c.at < int64(len(magic)) || c.at > p.end || c.size > p.end-c.at:
		p.fail(errors.New("a column is not inside the file"))
	}
	return c
}

func (p *footerParser) chunkDetails(c *chunk) {
	var dictionary int64
	p.fields(func(id int, kind byte) {
		switch id {
		case 4:
			c.codec = format.CompressionCodec(p.int())
		case 7:
			c.size = p.int()
		case 9:
			c.at = p.int()
		case 11:
			dictionary = p.int()
		default:
			p.skip(kind)
		}
	})
	if dictionary > 0 && dictionary < c.at {
		c.at = dictionary
	}
}

// Alone reports whether single values of a column can be read without the pages that hold them, as far as its compression allows.
func (f *File) Alone(column int) bool {
	return !slices.ContainsFunc(f.groups, func(g group) bool {
		codec := g.chunks[column].codec
		return codec != format.Uncompressed && codec != format.Snappy
	})
}

// FirstRows is the number of rows of the first row group.
func (f *File) FirstRows() int64 {
	if len(f.groups) == 0 {
		return 0
	}
	return f.groups[0].rows
}
