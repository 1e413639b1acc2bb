package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

var errUnpacked = errors.New("a page unpacks to another size than its header says")

// unpack decompresses data to exactly size bytes. It takes no more memory for them, whatever the data claims.
func unpack(data []byte, codec format.CompressionCodec, size int) ([]byte, error) {
	if codec == format.Uncompressed {
		if len(data) != size {
			return nil, errUnpacked
		}
		return data, nil
	}
	if size == 0 {
		return nil, nil
	}
	var out []byte
	var err error
	switch codec {
	case format.Snappy:
		var claimed int
		if claimed, err = snappy.DecodedLen(data); err == nil && claimed != size {
			return nil, errUnpacked
		}
		if err == nil {
			out, err = snappy.Decode(make([]byte, size), data)
		}
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			out, err = readSize(r, size)
		}
	case format.Zstd:
		out, err = unpackZstd(data, size)
	case format.Lz4Raw:
		out = make([]byte, size)
		var n int
		n, err = lz4.UncompressBlock(data, out)
		out = out[:max(n, 0)]
	case format.Brotli:
		out, err = readSize(brotli.NewReader(bytes.NewReader(data)), size)
	default:
		return nil, fmt.Errorf("its compression, %v, is not supported; write it with snappy, zstd or gzip", codec)
	}
	if err != nil {
		return nil, fmt.Errorf("a page can't be unpacked: %w", err)
	}
	if len(out) != size {
		return nil, errUnpacked
	}
	return out, nil
}

// readSize reads size bytes, behind which r must end.
func readSize(r io.Reader, size int) ([]byte, error) {
	out := make([]byte, size)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, err
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, errors.Join(errUnpacked, err)
	}
	return out, nil
}

// decoders of zstd are used again: each has large buffers.
var decoders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(pageBytes))
	if err != nil {
		panic(err) // an option that doesn't exist
	}
	return d
}}

func unpackZstd(data []byte, size int) ([]byte, error) {
	d := decoders.Get().(*zstd.Decoder)
	defer decoders.Put(d)
	return d.DecodeAll(data, make([]byte, 0, size))
}
