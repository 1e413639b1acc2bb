package parquet

import (
	"fmt"
	"io"
	"math"
	"sort"
	"sync"

	"github.com/parquet-go/parquet-go/format"
)

// Reader reads the values of a file's rows in any order. It is safe for concurrent use. The file itself is given to each call.
type Reader struct {
	file  *File
	cache *Cache

	mu      sync.Mutex
	indices map[chunkKey]*chunkIndex
	thin    map[int64]*page // by the page's place in the file
}

type chunkKey struct{ group, column int }

// chunkIndex lists the pages of a column of a row group.
type chunkIndex struct {
	mu         sync.Mutex // held while it is read
	read       bool
	dictionary *pageRef
	pages      []pageRef // of data
}

// NewReader reads rows of a file whose footer was opened. Several readers may share a cache.
func NewReader(f *File, cache *Cache) *Reader {
	return &Reader{file: f, cache: cache, indices: map[chunkKey]*chunkIndex{}, thin: map[int64]*page{}}
}

// Close forgets what is cached.
func (r *Reader) Close() { r.cache.forget(r) }

// LimitError reports a value that is longer than the caller takes.
type LimitError struct{ Size, Limit int64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("it has %d bytes, more than the limit of %d", e.Size, e.Limit)
}

// Bytes are the values of a column of texts or bytes in a row: one, none where it is null, or several of a list. A value longer than limit
// is a *LimitError. The caller doesn't modify them. An error concerns this row, and those whose values are in the same page.
func (r *Reader) Bytes(file io.ReaderAt, column int, row, limit int64) (values [][]byte, err error) {
	err = r.each(file, column, row, func(at place) error {
		v, err := r.value(file, at, limit)
		values = append(values, v)
		return err
	})
	return values, err
}

// Ints are the values of a column of integers or booleans in a row, as Bytes has them.
func (r *Reader) Ints(file io.ReaderAt, column int, row int64) (values []int64, err error) {
	err = r.each(file, column, row, func(at place) error {
		from, i, err := r.source(file, at)
		if err == nil && i >= len(from.ints) {
			err = errValues
		}
		if err == nil {
			values = append(values, from.ints[i])
		}
		return err
	})
	return values, err
}

// Reals are the values of a column of float32 or float64 in a row, as Bytes has them. bits is 32 or 64.
func (r *Reader) Reals(file io.ReaderAt, column int, row int64) (values []float64, bits int, err error) {
	raw, err := r.Ints(file, column, row)
	single := r.file.leaves[column].physical == format.Float
	for _, v := range raw {
		if single {
			values = append(values, float64(math.Float32frombits(uint32(v))))
		} else {
			values = append(values, math.Float64frombits(uint64(v)))
		}
	}
	if bits = 64; single {
		bits = 32
	}
	return values, bits, err
}

// place is where a value is.
type place struct {
	key   chunkKey
	chunk *chunkIndex
	page  *page
	value int // its number among those of the page
}

// each finds the values of a row.
func (r *Reader) each(file io.ReaderAt, column int, row int64, use func(place) error) (err error) {
	defer func() { // what a decoder of compressed data does with damage isn't known for all of them
		if p := recover(); p != nil {
			err = fmt.Errorf("a page can't be decoded: %v", p)
		}
	}()
	key := chunkKey{r.file.groupOf(row), column}
	index, err := r.index(file, key)
	if err != nil {
		return err
	}
	n := sort.Search(len(index.pages), func(i int) bool { return index.pages[i].first > row }) - 1
	for ; n > 0 && index.pages[n].rows == 0; n-- { // a page that continues a row
	}
	if n < 0 || row >= index.pages[n].first+index.pages[n].rows {
		return errValues
	}
	p, err := r.page(file, key, &index.pages[n])
	if err != nil {
		return err
	}
	from, to := p.row(int(row - index.pages[n].first))
	for {
		for level := from; level < to; level++ {
			if i := p.at(level); i >= 0 {
				if err := use(place{key, index, p, i}); err != nil {
					return err
				}
			}
		}
		if n++; to < p.levels || p.starts == nil || n == len(index.pages) {
			return nil
		}
		if p, err = r.page(file, key, &index.pages[n]); err != nil {
			return err
		}
		from, to = 0, p.lead
	}
}

// groupOf is the row group that has a row.
func (f *File) groupOf(row int64) int {
	return sort.Search(len(f.groups), func(i int) bool { return f.groups[i].first > row }) - 1
}

// index lists the pages of a chunk, whose headers are read when a row of it is read for the first time.
func (r *Reader) index(file io.ReaderAt, key chunkKey) (*chunkIndex, error) {
	r.mu.Lock()
	x := r.indices[key]
	if x == nil {
		x = &chunkIndex{}
		r.indices[key] = x
	}
	r.mu.Unlock()

	x.mu.Lock()
	defer x.mu.Unlock()
	if x.read {
		return x, nil
	}
	x.dictionary, x.pages = nil, nil
	group := r.file.groups[key.group]
	if err := r.headers(file, key, x, group); err != nil {
		return nil, fmt.Errorf("column %s: %w", r.file.Columns[key.column].Name, err)
	}
	x.read = true
	return x, nil
}

func (r *Reader) headers(file io.ReaderAt, key chunkKey, x *chunkIndex, group group) error {
	c, l := group.chunks[key.column], r.file.leaves[key.column]
	next := group.first
	for at, end := c.at, c.at+c.size; at < end && (l.repeated > 0 || next < group.first+group.rows); {
		ref, err := readHeader(file, at, end)
		if err != nil {
			return err
		}
		at = ref.at + int64(ref.packed)
		if ref.kind == format.DictionaryPage && x.dictionary == nil {
			x.dictionary = &ref
		}
		if ref.values == 0 || ref.kind != format.DataPage && ref.kind != format.DataPageV2 {
			continue
		}
		if l.repeated == 0 && int64(ref.values) > group.first+group.rows-next {
			return errValues
		}
		if ref.rows, err = r.rows(file, key, &ref); err != nil {
			return err
		}
		ref.first = next
		next += ref.rows
		x.pages = append(x.pages, ref)
	}
	if next != group.first+group.rows {
		return fmt.Errorf("its pages have %d rows, the row group %d", next-group.first, group.rows)
	}
	return nil
}

// rows is the number of rows that begin in a page.
func (r *Reader) rows(file io.ReaderAt, key chunkKey, ref *pageRef) (int64, error) {
	if r.file.leaves[key.column].repeated == 0 {
		return int64(ref.values), nil
	}
	p, err := r.page(file, key, ref) // of version 1 the header doesn't say it
	if err != nil {
		return 0, err
	}
	return int64(p.rows()), nil
}

// page is a page from the cache or from the file. It is without its bytes if they can be read one by one.
func (r *Reader) page(file io.ReaderAt, key chunkKey, ref *pageRef) (*page, error) {
	r.mu.Lock()
	thin := r.thin[ref.at]
	r.mu.Unlock()
	if thin != nil && !r.cache.has(pageKey{r, ref.at}) {
		return thin, nil
	}
	return r.cache.get(pageKey{r, ref.at}, func() (*page, error) {
		codec := r.file.groups[key.group].chunks[key.column].codec
		body := make([]byte, ref.packed)
		if n, err := file.ReadAt(body, ref.at); n < len(body) {
			return nil, err
		}
		p, err := r.file.leaves[key.column].decode(body, *ref, codec)
		if err != nil {
			return nil, err
		}
		if thin := p.thinned(body, *ref, codec); thin != nil {
			r.mu.Lock()
			r.thin[ref.at] = thin
			r.mu.Unlock()
		}
		return p, nil
	})
}

// source is the page that has a value, which may be the dictionary, and the value's number there.
func (r *Reader) source(file io.ReaderAt, at place) (*page, int, error) {
	if at.page.ids == nil {
		return at.page, at.value, nil
	}
	if at.value >= len(at.page.ids) || at.chunk.dictionary == nil {
		return nil, 0, errValues
	}
	p, err := r.page(file, at.key, at.chunk.dictionary)
	return p, int(at.page.ids[at.value]), err
}

// value is a text, or bytes.
func (r *Reader) value(file io.ReaderAt, at place, limit int64) ([]byte, error) {
	p, i, err := r.source(file, at)
	if err != nil {
		return nil, err
	}
	if i >= len(p.spans) {
		return nil, errValues
	}
	s := p.spans[i]
	if size := int64(s.to - s.from); size > limit {
		return nil, &LimitError{size, limit}
	}
	if p.direct != nil {
		return p.direct.read(file, s)
	}
	return p.data[s.from:s.to:s.to], nil
}
