package search

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// An index of before has no digest of its meta.json: what it says of segments is checked one by one.
func TestSegmentsThatCannotBeAreRefused(t *testing.T) {
	files := func(n int, more ...string) map[string]file {
		out := map[string]file{}
		for _, name := range append(more, rowsFile(n), imageFile(n)) {
			out[name] = file{Size: 1}
		}
		return out
	}
	without := func(n int, name string) map[string]file {
		out := files(n)
		delete(out, name)
		return out
	}
	for _, c := range []struct {
		next     int
		segments segments
		want     string // empty: nothing is wrong
	}{
		{8, segments{{Number: 0, Rows: 3, Dead: []int{0, 2}, Files: files(0)}, {Number: 7, Rows: 1, Files: files(7, textFile(7))}}, ""},
		{7, segments{{Number: 7, Rows: 1, Files: files(7)}}, "segment 7 is there, but the next is to be 7"},
		{9, segments{{Number: 7, Rows: 1, Files: files(7)}, {Number: 3, Rows: 1, Files: files(3)}}, "segment 3 follows 7"},
		{9, segments{{Number: 7, Rows: 1, Files: files(7)}, {Number: 7, Rows: 1, Files: files(7)}}, "segment 7 follows 7"},
		{9, segments{{Number: -1, Rows: 1, Files: files(-1)}}, "segment -1 follows -1"},
		{9, segments{{Number: 0, Rows: 0, Files: files(0)}}, "segment 0 has 0 rows"},
		{9, segments{{Number: 0, Rows: -1, Files: files(0)}}, "segment 0 has -1 rows"},
		{9, segments{{Number: 0, Rows: 3, Dead: []int{-1}, Files: files(0)}}, "dead rows are not rows of it"},
		{9, segments{{Number: 0, Rows: 3, Dead: []int{3}, Files: files(0)}}, "dead rows are not rows of it"},
		{9, segments{{Number: 0, Rows: 3, Dead: []int{0, 2, 1, 2}, Files: files(0)}}, "dead rows are not in order"},
		{9, segments{{Number: 0, Rows: 3, Dead: []int{1, 1}, Files: files(0)}}, "dead rows are not in order"},
		{9, segments{{Number: 0, Rows: 3, Files: files(0, "../../passwd")}}, `names "../../passwd"`},
		{9, segments{{Number: 0, Rows: 3, Files: files(0, imageFile(1))}}, `names "img_emb/img_emb_1.npy"`},
		{9, segments{{Number: 0, Rows: 3, Files: without(0, rowsFile(0))}}, "lacks metadata/metadata_0.parquet"},
		{9, segments{{Number: 0, Rows: 3, Files: without(0, imageFile(0))}}, "or a table of features"},
	} {
		data, err := json.Marshal(meta{Format: formatVersion, Space: space, Next: c.next, Segments: c.segments})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = parseMeta(data); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.segments, err, c.want)
		}
	}
}

// A page's header is checked before the Parquet library takes memory for what it claims.
func TestPagesThatClaimTooMuchAreRefused(t *testing.T) {
	data := func(n int32) thrift.Null[format.DataPageHeader] {
		return thrift.Null[format.DataPageHeader]{V: format.DataPageHeader{NumValues: n}, Valid: true}
	}
	v2 := func(levels int32) thrift.Null[format.DataPageHeaderV2] {
		h := format.DataPageHeaderV2{NumValues: 1, RepetitionLevelsByteLength: levels}
		return thrift.Null[format.DataPageHeaderV2]{V: h, Valid: true}
	}
	for _, c := range []struct {
		name   string
		header format.PageHeader
		body   string
		codec  format.CompressionCodec
		want   string // empty: nothing is wrong
	}{
		{"a page", format.PageHeader{CompressedPageSize: 5, UncompressedPageSize: pageSmall, DataPageHeader: data(9)}, "\x05data",
			format.Snappy, ""},
		{"more bytes than there are", format.PageHeader{CompressedPageSize: 9, UncompressedPageSize: 5}, "12345678", 0,
			"a page of 9 bytes claims"},
		{"fewer than none", format.PageHeader{CompressedPageSize: -1, UncompressedPageSize: 5}, "", 0, "a page of -1 bytes claims"},
		{"unpacked to fewer than none", format.PageHeader{CompressedPageSize: 1, UncompressedPageSize: -5}, "1", 0, "claims -5 bytes"},
		{"a bomb", format.PageHeader{CompressedPageSize: 1 << 13, UncompressedPageSize: 1<<23 + 1}, strings.Repeat("x", 1<<13),
			format.Gzip, "claims 8388609 bytes"},
		{"a large bomb", format.PageHeader{CompressedPageSize: 1 << 18, UncompressedPageSize: pageBytes + 1}, strings.Repeat("x", 1<<18),
			format.Zstd, "claims 67108865 bytes"},
		{"a billion values", format.PageHeader{CompressedPageSize: 1, UncompressedPageSize: 1, DataPageHeader: data(1 << 30)}, "1", 0,
			"and 1073741824 values"},
		{"Snappy with a size of its own", format.PageHeader{CompressedPageSize: 5, UncompressedPageSize: 4}, "\xff\xff\x03ab",
			format.Snappy, "a page of 4 bytes unpacks to 65535"},
		{"levels larger than their page", format.PageHeader{CompressedPageSize: 3, UncompressedPageSize: 4, DataPageHeaderV2: v2(4)}, "123",
			format.Snappy, "smaller than its levels"},
		{"levels of fewer bytes than none", format.PageHeader{CompressedPageSize: 3, UncompressedPageSize: 4, DataPageHeaderV2: v2(-4)},
			"123", format.Snappy, "smaller than its levels"},
		{"Snappy behind levels", format.PageHeader{CompressedPageSize: 4, UncompressedPageSize: 4, DataPageHeaderV2: v2(2)}, "12\x09x",
			format.Snappy, "a page of 4 bytes unpacks to 9"},
	} {
		header, err := thrift.Marshal(new(thrift.CompactProtocol), &c.header)
		if err != nil {
			t.Fatal(err)
		}
		err = checkChunk(append(header, c.body...), c.codec)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestColumnsAreInsideTheirFile(t *testing.T) {
	data, err := encodeDetails([]details{{Path: "/a.jpg"}, {Path: "/b.jpg"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkPages(f, data, nil); err != nil {
		t.Error(err)
	}
	if err := checkPages(f, data[:10], nil); err == nil || !strings.Contains(err.Error(), "is not inside the file") {
		t.Errorf("cut: %v", err)
	}
}
