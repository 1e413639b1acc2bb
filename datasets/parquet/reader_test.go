package parquet

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// rows of the files that golden/make/parquet.py writes in all codecs, page versions and encodings.
const rows = 40

func wantText(i int) []string {
	if i%7 == 3 {
		return nil
	}
	return []string{strings.Repeat(fmt.Sprintf("text %d ", i%5), i%4)}
}

func wantList(i int) (out []string) {
	if i%11 == 5 {
		return nil
	}
	for j := range i % 5 {
		if j != 2 {
			out = append(out, fmt.Sprintf("%d.%d", i, j))
		}
	}
	return out
}

func openBytes(t testing.TB, data []byte) (*File, *Reader, *bytes.Reader) {
	t.Helper()
	file := bytes.NewReader(data)
	f, err := Open(file, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f, NewReader(f, NewCache(1<<20)), file
}

func texts(values [][]byte) (out []string) {
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

func TestTheSameRowsInEachCodecAndEncoding(t *testing.T) {
	for _, name := range []string{
		"none-1", "snappy-1-dictionary", "zstd-2-dictionary", "gzip-2", "lz4-1", "brotli-2-dictionary", "zstd-1-delta", "none-2-lengths",
	} {
		data, err := os.ReadFile(filepath.Join(golden.Dir(t, "parquet"), name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		f, r, file := openBytes(t, data)
		if got := fmt.Sprint(f.Rows, f.Columns); got != "40 [text (text) list (list of text) int (integer) "+
			"sure (integer) deep.bytes (bytes) deep.number (number) parts.raw (list of text)]" {
			t.Fatalf("%s: %s", name, got)
		}
		for k := range rows {
			i := k * 17 % rows // in another order than the file's
			for column, want := range map[string][]string{
				"text": wantText(i), "list": wantList(i), "deep.bytes": {strings.Repeat(string(rune(i)), i%6)}, "parts.raw": wantList(i),
			} {
				got, err := r.Bytes(file, f.Column(column), int64(i), 100)
				if err != nil || fmt.Sprintf("%q", texts(got)) != fmt.Sprintf("%q", want) {
					t.Fatalf("%s: row %d of %s: %q, %v, want %q", name, i, column, got, err, want)
				}
			}
			wantInt := fmt.Sprint([]int{i*i - 100})
			if i%13 == 4 {
				wantInt = "[]"
			}
			ints, err := r.Ints(file, f.Column("int"), int64(i))
			sure, err2 := r.Ints(file, f.Column("sure"), int64(i))
			if err != nil || err2 != nil || fmt.Sprint(ints, sure) != fmt.Sprintf("%s [%d]", wantInt, i) {
				t.Fatalf("%s: row %d: %v %v, %v, %v", name, i, ints, sure, err, err2)
			}
			reals, bits, err := r.Reals(file, f.Column("deep.number"), int64(i))
			if err != nil || bits != 64 || fmt.Sprint(reals) != "[1.5]" {
				t.Fatalf("%s: row %d: %v, %d bits, %v, want 1.5", name, i, reals, bits, err)
			}
		}
	}
}

// A page of version 1 may end in the middle of a list, and a page may have no beginning of a row at all.
func TestListsGoOnInTheNextPages(t *testing.T) {
	f := &File{Rows: 4, Columns: []Column{{Name: "list", Kind: Text, List: true}}, leaves: []leaf{{repeated: 1, definable: 1}},
		groups: []group{{rows: 4, chunks: make([]chunk, 1)}}}
	r := NewReader(f, NewCache(1<<20))
	x := &chunkIndex{read: true}
	for i, repetition := range [][]byte{{3, 0b010}, {3, 0b111}, {3, 0b001}} { // the lowest bit is the first level
		p := &page{levels: 3, data: []byte{byte('a' + 3*i), byte('b' + 3*i), byte('c' + 3*i)}, spans: []span{{0, 1}, {1, 2}, {2, 3}}}
		if err := f.leaves[0].places(p, repetition, []byte{6, 1}); err != nil {
			t.Fatal(err)
		}
		ref := pageRef{at: int64(i), rows: int64(p.rows())}
		if i > 0 {
			ref.first = x.pages[i-1].first + x.pages[i-1].rows
		}
		x.pages = append(x.pages, ref)
		if _, err := r.cache.get(pageKey{r, ref.at}, func() (*page, error) { return p, nil }); err != nil {
			t.Fatal(err)
		}
	}
	r.indices[chunkKey{0, 0}] = x
	for row, want := range []string{"[a b]", "[c d e f g]", "[h]", "[i]"} {
		got, err := r.Bytes(nil, 0, int64(row), 10)
		if err != nil || fmt.Sprint(texts(got)) != want {
			t.Errorf("row %d: %s, %v, want %s", row, texts(got), err, want)
		}
	}
}
