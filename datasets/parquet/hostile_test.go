package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"clipgo/internal/golden"
)

// memory is the number of bytes that f allocates.
func memory(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// footed is a file with a footer.
func footed(footer []byte) []byte {
	out := append([]byte(magic), footer...)
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(footer))), magic...)
}

func TestFootersThatClaimTooMuch(t *testing.T) {
	long := binary.AppendUvarint([]byte{0x29, 0xfc}, math.MaxInt32) // field 2: a list of two billion structs
	for name, file := range map[string][]byte{
		"elements":  footed(append(long, bytes.Repeat([]byte{0}, 100)...)),
		"a name":    footed([]byte{0x29, 0x1c, 0x48, 0xff, 0xff, 0xff, 0xff, 0x07, 'a'}),
		"deep":      footed(bytes.Repeat([]byte{0x1c}, 100_000)),
		"no schema": footed([]byte{0}),
		"length":    append([]byte(magic+"xxxx\xff\xff\xff\x7f"), magic...),
		"nothing":   {},
		"encrypted": append([]byte(encrypted), footed(nil)...),
	} {
		if n := memory(func() {
			if _, err := Open(bytes.NewReader(file), int64(len(file))); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", name, err)
			}
		}); n > 16<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

func TestPagesThatClaimTooMuch(t *testing.T) {
	for _, p := range []pageRef{
		{packed: 100, unpacked: math.MaxInt32, values: 1}, {packed: 100, unpacked: 100, values: math.MaxInt32}, {packed: 101},
		{packed: -1}, {packed: 100, unpacked: -1}, {packed: 100, unpacked: 100, values: -1}, {packed: 10, unpacked: 10, definition: 11},
		{packed: 10, unpacked: 10, repetition: -1},
	} {
		if err := p.check(100); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
	bomb := make([]byte, 1<<20)
	for i, values := range [][]byte{
		binary.AppendUvarint(nil, math.MaxInt32<<1),                      // a run of two billion
		{0x80, 1, 4, 0xff, 0xff, 0xff, 0xff, 7, 0},                       // two billion differences
		binary.AppendUvarint(binary.AppendUvarint(nil, 1<<62|1), 1<<62),  // bits without end
		append(binary.AppendUvarint(nil, math.MaxInt32<<1), bomb[:4]...), // of four bytes
	} {
		for _, encoding := range []format.Encoding{format.RLEDictionary, format.DeltaBinaryPacked, format.DeltaByteArray,
			format.DeltaLengthByteArray, format.Plain} {
			for _, physical := range []format.Type{format.ByteArray, format.Int64} {
				if n := memory(func() {
					_ = leaf{physical: physical}.values(&page{}, append([]byte{32}, values...), 0, encoding, 1000)
					_ = leaf{physical: physical}.values(&page{}, values, 0, encoding, 1000)
				}); n > 1<<20 {
					t.Errorf("%d as %v: %d bytes allocated", i, encoding, n)
				}
			}
		}
	}
}

func TestPagesUnpackToTheirSizeOnly(t *testing.T) {
	plain := bytes.Repeat([]byte("abc"), 4<<20)
	for _, codec := range []format.CompressionCodec{format.Snappy, format.Gzip, format.Zstd, format.Lz4Raw, format.Brotli} {
		packed := pack(t, codec, plain)
		if got, err := unpack(packed, codec, len(plain)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%v: %d bytes, %v", codec, len(got), err)
		}
		for _, size := range []int{1000, len(plain) - 1, len(plain) + 1} {
			if n := memory(func() {
				if _, err := unpack(packed, codec, size); err == nil {
					t.Errorf("%v: %d bytes are taken for %d", codec, len(plain), size)
				}
			}); size == 1000 && n > 10<<20 { // decoders have buffers of their own
				t.Errorf("%v: %d bytes allocated for 1000", codec, n)
			}
		}
		if _, err := unpack(packed[:len(packed)/2], codec, len(plain)); err == nil {
			t.Errorf("%v: half of it is accepted", codec)
		}
	}
}

// readAll reads all that can be read of a file.
func readAll(data []byte) {
	file := bytes.NewReader(data)
	f, err := Open(file, int64(len(data)))
	if err != nil {
		return
	}
	r := NewReader(f, NewCache(1<<20))
	for column, c := range f.Columns {
		for row := range min(f.Rows, 100) {
			switch c.Kind {
			case Text, Bytes:
				_, err = r.Bytes(file, column, row, 1<<20)
			case Integer:
				_, err = r.Ints(file, column, row)
			}
		}
	}
}

// A byte that changes costs a value, or the file, never the program or its memory.
func TestDamageIsAnError(t *testing.T) {
	for _, name := range []string{"snappy-1-dictionary", "zstd-1-delta", "none-2-lengths"} {
		data, err := os.ReadFile(filepath.Join(golden.Dir(t, "parquet"), name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(data); at += 97 {
			broken := bytes.Clone(data)
			broken[at] ^= byte(1 << (at % 8))
			if n := memory(func() { readAll(broken) }); n > 1<<30 {
				t.Errorf("%s: byte %d: %d bytes allocated", name, at, n)
			}
		}
	}
}

func FuzzParquet(f *testing.F) {
	for _, name := range []string{"none-1", "snappy-1-dictionary", "zstd-2-dictionary", "zstd-1-delta", "none-2-lengths", "huggingface"} {
		data, err := os.ReadFile(filepath.Join(golden.Dir(f, "parquet"), name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) { readAll(data) })
}

func pack(t *testing.T, codec format.CompressionCodec, plain []byte) []byte {
	t.Helper()
	packed, err := parquet.LookupCompressionCodec(codec).Encode(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}
