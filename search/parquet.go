package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"clipgo/search/columns"
)

// What a page of a column may claim. Writers make pages of about a megabyte; a page of one repeated value is small in the file.
const (
	pageBytes  = 64 << 20 // not compressed
	pageValues = 16 << 20
	pageRatio  = 1024    // of bytes to compressed bytes, beyond
	pageSmall  = 4 << 20 // bytes
)

// checkFooter checks the length that a Parquet file gives for its footer: the library takes memory for what a file claims.
func checkFooter(data []byte) error {
	const tail = 8 // length and magic
	if len(data) < tail || int64(binary.LittleEndian.Uint32(data[len(data)-tail:])) > int64(len(data)-tail) {
		return errors.New("not a Parquet file, or cut short")
	}
	return nil
}

// checkPages checks what the pages of the columns that are read claim.
func checkPages(file *parquet.File, data []byte, further []columns.Column) error {
	names := slices.Clone(ownColumns)
	for _, c := range further {
		names = append(names, c.Name)
	}
	for _, group := range file.Metadata().RowGroups {
		for _, chunk := range group.Columns {
			m := chunk.MetaData
			if path := m.PathInSchema; len(path) == 0 || !slices.Contains(names, path[0]) {
				continue
			}
			begin := m.DataPageOffset
			if m.DictionaryPageOffset != 0 {
				begin = m.DictionaryPageOffset
			}
			size := int64(len(data))
			if begin < 0 || begin > size || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size-begin {
				return fmt.Errorf("column %q is not inside the file", m.PathInSchema[0])
			}
			if err := checkChunk(data[begin:begin+m.TotalCompressedSize], m.Codec); err != nil {
				return fmt.Errorf("column %q: %w", m.PathInSchema[0], err)
			}
		}
	}
	return nil
}

// checkChunk checks the pages of one column, which follow each other.
func checkChunk(data []byte, codec format.CompressionCodec) error {
	var protocol thrift.CompactProtocol
	for len(data) > 0 {
		r := protocol.NewReaderFromBytes(data)
		var h format.PageHeader
		if err := thrift.NewDecoder(r).Decode(&h); err != nil {
			return fmt.Errorf("header of a page: %w", err)
		}
		data = data[r.BytesRead():]
		packed, unpacked := int(h.CompressedPageSize), int(h.UncompressedPageSize)
		values := max(h.DataPageHeader.V.NumValues, h.DataPageHeaderV2.V.NumValues, h.DictionaryPageHeader.V.NumValues)
		most := min(pageBytes, max(pageSmall, pageRatio*packed))
		if packed < 0 || packed > len(data) || unpacked < 0 || unpacked > most || values > pageValues {
			return fmt.Errorf("a page of %d bytes claims %d bytes and %d values", packed, unpacked, values)
		}
		if err := checkSnappy(data[:packed], h, codec); err != nil {
			return err
		}
		data = data[packed:]
	}
	return nil
}

// checkSnappy compares the size that compressed bytes begin with, which the decoder believes, with that of the page.
func checkSnappy(page []byte, h format.PageHeader, codec format.CompressionCodec) error {
	unpacked := int64(h.UncompressedPageSize)
	if v2 := h.DataPageHeaderV2; v2.Valid {
		levels := int64(v2.V.RepetitionLevelsByteLength) + int64(v2.V.DefinitionLevelsByteLength)
		if levels < 0 || levels > int64(len(page)) {
			return errors.New("a page is smaller than its levels")
		}
		page = page[levels:]
	}
	if codec != format.Snappy || len(page) == 0 {
		return nil
	}
	if size, n := binary.Uvarint(page); n > 0 && size > uint64(unpacked) {
		return fmt.Errorf("a page of %d bytes unpacks to %d", unpacked, size)
	}
	return nil
}
