package datasets

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packings are the forms of compression, by the bytes that they begin with. One without a reader is only named.
var packings = []struct {
	name, magic string
	open        func(io.Reader) (io.ReadCloser, error)
}{
	{"gzip", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"bzip2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
	{"xz", "\xfd7zXZ", nil},
	{"lz4", "\x04\x22\x4d\x18", nil},
	{"zip", "PK\x03\x04", nil},
}

// packedMagic is the length of the longest of these beginnings.
const packedMagic = 5

// zstdWindow is the most memory that a zstd frame may ask for.
const zstdWindow = 256 << 20

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// packedBy names the form of compression that begins with some bytes, and tells whether it can be read. The name is empty if there is none.
func packedBy(start []byte) (name string, readable bool) {
	for _, p := range packings {
		if bytes.HasPrefix(start, []byte(p.magic)) {
			return p.name, p.open != nil
		}
	}
	return "", false
}

// medium remembers the error of what is below a decompressor, so that a lost connection isn't taken for damage.
type medium struct {
	io.ReadCloser
	err error
}

func (m *medium) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// unpacked reads what is below, and decompresses it if it is compressed.
type unpacked struct {
	flow
	close func() error
}

func (u *unpacked) Close() error { return errors.Join(u.close(), u.medium.Close()) }

// unpackFrom begins to read. It closes below if it fails.
func unpackFrom(below io.ReadCloser) (*unpacked, error) {
	m := &medium{ReadCloser: below}
	plain := bufio.NewReaderSize(m, 1<<16)
	u := &unpacked{flow{r: plain, medium: m}, func() error { return nil }}
	start, _ := plain.Peek(packedMagic) // what can't be read is found by whoever reads next
	for _, p := range packings {
		if p.open == nil || !bytes.HasPrefix(start, []byte(p.magic)) {
			continue
		}
		inner, err := p.open(plain)
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		u.r, u.close = inner, inner.Close
	}
	return u, nil
}
