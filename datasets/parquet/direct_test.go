package parquet

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

type blob struct {
	Picture []byte `parquet:"picture,optional"`
	Plain   []byte `parquet:"plain,optional,plain"`
}

// counted counts the bytes that are read.
type counted struct {
	*bytes.Reader
	n int
}

func (c *counted) ReadAt(p []byte, at int64) (int, error) {
	c.n += len(p)
	return c.Reader.ReadAt(p, at)
}

// inBlocks compresses 64 KiB by themselves, as Google's Snappy does, which most writers have.
type inBlocks struct{ compress.Codec }

func (inBlocks) Encode(dst, src []byte) ([]byte, error) {
	dst = binary.AppendUvarint(dst[:0], uint64(len(src)))
	for block := range slices.Chunk(src, blockBytes) {
		packed := snappy.Encode(nil, block)
		_, n := binary.Uvarint(packed)
		dst = append(dst, packed[n:]...)
	}
	return dst, nil
}

// blobs are rows of some hundred values of up to 20 kB, of which some are missing, and some compress.
func blobs() (rows []blob) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 150 {
		if i%9 == 5 {
			rows = append(rows, blob{})
			continue
		}
		b := make([]byte, r.IntN(20_000))
		for k := range b {
			b[k] = byte(r.Uint32())
			if i%4 == 1 {
				b[k] = byte(k / 50)
			}
		}
		rows = append(rows, blob{b, b})
	}
	return rows
}

func encodeBlobs(t testing.TB, rows []blob, version int, codec compress.Codec) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[blob](&b, parquet.Compression(codec), parquet.PageBufferSize(1<<20), parquet.DataPageVersion(version))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A random order of pictures reads each page once, and then little more than the pictures. A page that is compressed as a whole is read
// each time.
func TestPicturesAreReadAloneOnceTheirPageIsKnown(t *testing.T) {
	rows := blobs()
	for _, c := range []struct {
		name    string
		version int
		codec   compress.Codec
		ratio   float64 // of bytes read in the last pass to bytes of pictures, at most
	}{
		{"none 1", 1, &parquet.Uncompressed, 2}, {"none 2", 2, &parquet.Uncompressed, 2}, {"snappy 1", 1, inBlocks{&parquet.Snappy}, 9},
		{"snappy 2", 2, inBlocks{&parquet.Snappy}, 9}, {"snappy, not in blocks", 2, &parquet.Snappy, 200},
	} {
		data := encodeBlobs(t, rows, c.version, c.codec)
		file := &counted{Reader: bytes.NewReader(data)}
		f, err := Open(file, int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(f, NewCache(1))
		pictures := 0
		for pass := range 3 {
			file.n, pictures = 0, 0
			for k := range rows {
				i := k * 77 % len(rows)
				got, err := r.Bytes(file, (pass+pass/2*k)%2, int64(i), 1<<20) // the last pass reads both columns
				missing := rows[i].Picture == nil
				if err != nil || len(got) == 0 != missing || !missing && !bytes.Equal(got[0], rows[i].Picture) {
					t.Fatalf("%s, pass %d: row %d has %d values, %v", c.name, pass, i, len(got), err)
				}
				pictures += len(rows[i].Picture)
			}
		}
		if ratio := float64(file.n) / float64(pictures); ratio > c.ratio || c.ratio > 100 && ratio < 10 {
			t.Errorf("%s: %.1f times the bytes of the pictures are read", c.name, ratio)
		}
	}
}

func TestLongValuesAreRefused(t *testing.T) {
	data := encodeBlobs(t, blobs(), 1, &parquet.Snappy)
	_, r, file := openBytes(t, data)
	for range 2 {
		if _, err := r.Bytes(file, 0, 0, 10); err == nil || err.Error()[:6] != "it has" {
			t.Errorf("%v", err)
		}
	}
}

// Concurrent readers of the same pages get the same values; the cache keeps to its limit.
func TestTheCacheKeepsToItsLimit(t *testing.T) {
	rows := blobs()
	data := encodeBlobs(t, rows, 2, &parquet.Zstd)
	f, _, file := openBytes(t, data)
	cache := NewCache(2 << 20)
	r := NewReader(f, cache)
	done := make(chan error, 4)
	for worker := range 4 {
		go func() {
			var err error
			for k := range 60 {
				i := (k*77 + worker) % len(rows)
				got, e := r.Bytes(file, 0, int64(i), 1<<20)
				if e == nil && len(got) == 1 && !bytes.Equal(got[0], rows[i].Picture) {
					e = io.ErrUnexpectedEOF
				}
				if e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	used := int64(0)
	for _, e := range cache.pages {
		used += e.size
	}
	if used != cache.used || used > cache.limit || len(cache.pages) != cache.order.Len() {
		t.Errorf("%d bytes are kept, %d counted, of %d", used, cache.used, cache.limit)
	}
	r.Close()
	if len(cache.pages) != 0 || cache.used != 0 {
		t.Errorf("%d pages, %d bytes after Close", len(cache.pages), cache.used)
	}
}
